/**
 * The live table of `up`: redrawn in place four times a second, gathered twice a second, with what happened last below it.
 * Between two gatherings phases go on by the clock, so that the bars move evenly.
 */
import { changesBetween } from '../clusterChanges.ts';
import type { ClusterView } from '../clusterView.ts';
import type { Paint } from '../output.ts';
import { clusterTable, healthLine } from './clusterTable.ts';
import { inlineScreen, type Screen, type TerminalStream } from './screen.ts';
import { plain } from './text.ts';

const drawIntervalMs = 250;
const gatherIntervalMs = 500;
/** Events kept in sight; fewer on a low terminal. */
const eventsMax = 6;

/** The part of a clock that is used; `Clock` of the World satisfies it. */
export interface LiveClock {
  now(): number;
  after(delayMs: number, run: () => void): object;
  cancel(timer: object): void;
}

export interface LiveTableOptions {
  /** The terminal, `process.stdout`. */
  readonly out: TerminalStream;
  readonly paint: Paint;
  readonly clock: LiveClock;
  /** Usually `() => gatherer.gather()`. A rejection is shown and tried again. */
  readonly gather: () => Promise<ClusterView>;
}

export interface LiveTable {
  start(): void;
  /** Draws a last time and gives the cursor back; whatever is written next stands below the table. Safe to call twice. */
  stop(): void;
  /** Adds a line to what happened, under the table. */
  note(text: string): void;
}

const two = (n: number): string => String(n).padStart(2, '0');

const timeOfDay = (ms: number): string => {
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
};

/** What happened, most recent last. */
export class EventList {
  readonly #paint: Paint;
  #events: readonly { readonly atMs: number; readonly text: string }[] = [];

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  add(atMs: number, texts: readonly string[]): void {
    this.#events = [...this.#events, ...texts.map((text) => ({ atMs, text }))].slice(-eventsMax);
  }

  /** The last ones, a line each; at most `linesMax`. */
  lines(linesMax: number): readonly string[] {
    const shown = this.#events.slice(Math.max(0, this.#events.length - Math.max(0, linesMax)));
    return linesMax <= 0 ? [] : shown.map(({ atMs, text }) => `${this.#paint('dim', timeOfDay(atMs))}  ${plain(text)}`);
  }
}

class InPlaceTable implements LiveTable {
  readonly #options: LiveTableOptions;
  readonly #events: EventList;
  #screen: Screen | undefined;
  #view: ClusterView | undefined;
  #trouble: string | undefined;
  #drawTimer: object | undefined;
  #gatherTimer: object | undefined;
  #stopped = false;

  constructor(options: LiveTableOptions) {
    this.#options = options;
    this.#events = new EventList(options.paint);
  }

  start(): void {
    if (this.#screen !== undefined || this.#stopped) return;
    this.#screen = inlineScreen(this.#options.out);
    void this.#gather();
    this.#drawOnAndOn();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    const { clock } = this.#options;
    if (this.#drawTimer !== undefined) clock.cancel(this.#drawTimer);
    if (this.#gatherTimer !== undefined) clock.cancel(this.#gatherTimer);
    this.#draw();
    this.#screen?.close();
  }

  note(text: string): void {
    this.#events.add(this.#options.clock.now(), [text]);
  }

  async #gather(): Promise<void> {
    const { clock, gather } = this.#options;
    try {
      const view = await gather();
      if (this.#view !== undefined) this.#events.add(clock.now(), changesBetween(this.#view, view));
      this.#view = view;
      this.#say(undefined);
    } catch (error) {
      this.#say(error instanceof Error ? error.message : String(error));
    }
    if (!this.#stopped) this.#gatherTimer = clock.after(gatherIntervalMs, () => void this.#gather());
  }

  /** A trouble is an event when it comes, and stays in sight while it lasts. */
  #say(trouble: string | undefined): void {
    if (trouble !== undefined && this.#trouble === undefined) this.note(trouble);
    this.#trouble = trouble;
  }

  #drawOnAndOn(): void {
    this.#draw();
    this.#drawTimer = this.#options.clock.after(drawIntervalMs, () => this.#drawOnAndOn());
  }

  #draw(): void {
    const screen = this.#screen;
    if (screen === undefined) return;
    const { paint, clock } = this.#options;
    const view = this.#view;
    if (view === undefined) {
      screen.draw([paint('dim', 'waiting for the nodes …')]);
      return;
    }
    const table = clusterTable(view, { paint, width: screen.width, nowMs: clock.now() });
    const health = this.#trouble === undefined ? healthLine(view, paint) : paint('red', plain(this.#trouble));
    const lines = [health, ...table];
    const events = this.#events.lines(screen.height - lines.length - 1);
    screen.draw(events.length === 0 ? lines : [...lines, '', ...events]);
  }
}

/** A table that shows a running cluster until it is stopped. Writes to a terminal only: callers check. */
export const createLiveTable = (options: LiveTableOptions): LiveTable => new InPlaceTable(options);
