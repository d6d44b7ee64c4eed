/** `isochron top`: the whole cluster on one screen, refreshed; off a terminal, once. */
import { delay } from '../../actors/system/worldParts.ts';
import type { ClusterView } from '../clusterView.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { type Observation, observe, terminalOf } from '../observe.ts';
import { clusterTable, healthLine } from '../render/clusterTable.ts';
import { tableLines } from '../render/columns.ts';
import { alternateScreen, type Screen } from '../render/screen.ts';
import { plain } from '../render/text.ts';
import { messageOf } from '../report.ts';
import { onKeys } from '../terminalKeys.ts';
import { allRows, nodeRows, unitColumns } from '../unitRows.ts';

const drawIntervalMs = 250;
const gatherIntervalMs = 1_000;
/** Of a table in a file. */
const widthOffTerminal = 200;

export const run = async (context: Context): Promise<ExitCode | undefined> => {
  const observation = await observe(context);
  if (context.output.interactive) return new Top(context, observation).run();
  const view = await observation.gatherer.gather({ trees: true });
  const { cluster } = view;
  context.output.result({ cluster, nodes: nodeRows(view), units: allRows(view) }, (paint) =>
    [
      healthLine(view, paint),
      '',
      ...clusterTable(view, { paint, width: widthOffTerminal, nowMs: view.atMs }),
      '',
      ...unitLines(context, view, true),
    ].join('\n'),
  );
  return exitCodes.ok;
};

const unitLines = ({ output }: Context, view: ClusterView, all: boolean, width?: number): readonly string[] =>
  tableLines(unitColumns, all ? allRows(view) : nodeRows(view), { paint: output.paint, width });

class Top {
  readonly #context: Context;
  readonly #observation: Observation;
  readonly #screen: Screen;
  readonly #end = new AbortController();
  #exit: ExitCode = exitCodes.ok;
  #showsAll = true;
  #view: ClusterView | undefined;
  #trouble: string | undefined;

  constructor(context: Context, observation: Observation) {
    this.#context = context;
    this.#observation = observation;
    this.#screen = alternateScreen(terminalOf(context.output));
    context.onExit(() => this.#screen.close());
  }

  async run(): Promise<ExitCode> {
    const { stdin, signal } = this.#context;
    const release = onKeys(stdin, (key) => this.#onKey(key));
    this.#context.onExit(release);
    signal.addEventListener('abort', () => this.#end.abort(), { once: true });
    await Promise.all([this.#gatherOnAndOn(), this.#drawOnAndOn()]);
    this.#screen.close();
    release();
    return this.#exit;
  }

  #onKey(key: string): void {
    switch (key) {
      case 'q':
      case 'Q':
        this.#end.abort();
        break;
      case '\u0003':
        this.#exit = exitCodes.interrupted;
        this.#end.abort();
        break;
      case 'a':
        this.#showsAll = !this.#showsAll;
        this.#draw();
        break;
    }
  }

  async #gatherOnAndOn(): Promise<void> {
    while (!this.#end.signal.aborted) {
      try {
        this.#view = await this.#observation.gatherer.gather({ trees: true });
        this.#trouble = undefined;
      } catch (error) {
        this.#trouble = messageOf(error);
      }
      await this.#pause(gatherIntervalMs);
    }
  }

  async #drawOnAndOn(): Promise<void> {
    while (!this.#end.signal.aborted) {
      this.#draw();
      await this.#pause(drawIntervalMs);
    }
  }

  #pause(ms: number): Promise<void> {
    return delay(this.#context.clock, ms, this.#end.signal).catch(() => {});
  }

  #draw(): void {
    const { output, clock } = this.#context;
    const { paint } = output;
    const view = this.#view;
    const keys = paint('dim', `q quit   a ${this.#showsAll ? 'nodes only' : 'all actors'}`);
    if (view === undefined) {
      this.#screen.draw([plain(this.#trouble ?? 'asking the nodes …'), keys]);
      return;
    }
    const { width, height } = this.#screen;
    const top = [
      this.#trouble === undefined ? healthLine(view, paint) : paint('red', plain(this.#trouble)),
      '',
      ...clusterTable(view, { paint, width, nowMs: clock.now() }),
      '',
    ];
    const units = unitLines(this.#context, view, this.#showsAll, width);
    this.#screen.draw([...top, ...cut(units, height - top.length - 2), '', keys]);
  }
}

/** What does not fit is counted, so that nobody takes the rest for the whole. */
const cut = (lines: readonly string[], room: number): readonly string[] => {
  if (lines.length <= room) return lines;
  const shown = Math.max(0, room - 1);
  return [...lines.slice(0, shown), `… ${lines.length - shown} more`];
};
