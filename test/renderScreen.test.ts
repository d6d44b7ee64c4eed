/** Screens and the live table, on a terminal that a test can read. */
import { describe, expect, it } from 'vitest';
import { createVirtualClock } from '../actors/index.ts';
import { BusUnavailableError } from '../bus/index.ts';
import type { ClusterView } from '../cli/clusterView.ts';
import { clusterTable, healthLine } from '../cli/render/clusterTable.ts';
import { createLiveTable } from '../cli/render/liveTable.ts';
import { alternateScreen, inlineScreen } from '../cli/render/screen.ts';
import { displayWidth } from '../cli/render/text.ts';
import { epochOf, healthyNodes, nodeOf, nowMs, silentNode, unitOf, viewOf } from './support/clusterViews.ts';
import { TestTerminal, unpainted } from './support/terminal.ts';

describe('a screen', () => {
  it('redraws in place, one write a frame, and leaves nothing of a longer frame', () => {
    const terminal = new TestTerminal();
    terminal.write('before\r\n');
    const screen = inlineScreen(terminal);
    screen.draw(['one', 'two', 'three']);
    const frames = terminal.frames.length;
    screen.draw(['1', '2']);
    expect(terminal.frames.length).toBe(frames + 1);
    expect(terminal.text()).toBe('before\n1\n2');
  });

  it('prints above itself', () => {
    const terminal = new TestTerminal();
    const screen = inlineScreen(terminal);
    screen.draw(['table']);
    screen.print(['news', 'more news']);
    expect(terminal.text()).toBe('news\nmore news\ntable');
  });

  it('hides the cursor while it draws and gives it back once, the last frame staying', () => {
    const terminal = new TestTerminal();
    const screen = inlineScreen(terminal);
    expect(terminal.isCursorShown).toBe(false);
    screen.draw(['table']);
    screen.close();
    screen.close();
    screen.draw(['late']);
    expect(terminal.isCursorShown).toBe(true);
    terminal.write('after');
    expect(terminal.text()).toBe('table\nafter');
  });

  it('on the alternate screen gives back what was there', () => {
    const terminal = new TestTerminal();
    terminal.write('shell');
    const screen = alternateScreen(terminal);
    screen.draw(['top']);
    screen.draw(['top again']);
    expect(terminal.isAlternate).toBe(true);
    expect(terminal.text()).toBe('top again');
    screen.close();
    expect(terminal.text()).toBe('shell');
  });

  it('never writes beyond the width or the height of the terminal, also after it shrank', () => {
    const terminal = new TestTerminal(20, 5);
    const screen = inlineScreen(terminal);
    const lines = Array.from({ length: 9 }, (_, i) => `${i} ${'x'.repeat(30)}`);
    screen.draw(lines);
    expect(terminal.text().split('\n')).toHaveLength(4);
    terminal.columns = 8;
    screen.draw(lines);
    for (const line of terminal.text().split('\n').slice(-4)) expect(displayWidth(line)).toBeLessThanOrEqual(20);
  });

  it('that does not know its size takes the usual one', () => {
    const screen = inlineScreen({ columns: 0, rows: undefined, write: () => undefined });
    expect([screen.width, screen.height]).toEqual([80, 23]);
  });
});

describe('the table of nodes', () => {
  const table = (view: ClusterView, width = 80, atMs = nowMs) =>
    clusterTable(view, { paint: unpainted, width, nowMs: atMs });

  it('shows head, term, epoch, phase, skew and restarts in 80 columns', () => {
    expect(table(viewOf())).toEqual([
      'NODE         ROLE       HEAD         TERM  EPOCH  PHASE       SKEW MS  RESTARTS',
      'validator-1  validator  validator-2   258      7  █████░░░░░    +0.20         0',
      'validator-2  validator  leads         258      7  █████░░░░░    +0.00         0',
      'device-1     device     validator-2   258      7  █████░░░░░    -1.30         0',
    ]);
  });

  it('counts on by the clock between two answers', () => {
    expect(table(viewOf(), 80, nowMs + 3_500)[1]).toContain('8  ██░░░░░░░░');
  });

  it('says of a node that gives no epoch what is the matter with it', () => {
    const nodes = [
      ...healthyNodes().slice(0, 2),
      silentNode('device-1'),
      nodeOf('device-2', {
        epoch: undefined,
        unit: unitOf('device-2', { status: 'restarting', restarts: 3, pid: null }),
      }),
      nodeOf('device-3', { epoch: epochOf({ synchronized: false }) }),
    ];
    const [, , , silent, restarting, alone] = table(viewOf(nodes), 120);
    expect(silent).toMatch(/^device-1 .* silent /);
    expect(restarting).toMatch(/^device-2 .* restarting .* 3$/);
    expect(alone).toMatch(/█ *.* alone/);
  });

  it('fits every width', () => {
    for (let width = 10; width <= 100; width++) {
      for (const line of table(viewOf(), width)) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }
  });

  it('is headed by the health of the cluster', () => {
    expect(healthLine(viewOf(), unpainted)).toBe('lab  healthy  3 nodes agree');
    const nodes = [...healthyNodes().slice(0, 2), silentNode('device-1'), silentNode('device-2')];
    expect(healthLine(viewOf(nodes), unpainted)).toBe(
      'lab  degraded  device-1 does not answer (ASK_TIMEOUT) (and 1 more)',
    );
  });
});

describe('the live table', () => {
  const live = (gather: () => Promise<ClusterView>) => {
    const clock = createVirtualClock({ startMs: nowMs });
    const terminal = new TestTerminal();
    const table = createLiveTable({ out: terminal, paint: unpainted, clock, gather });
    return { clock, terminal, table };
  };

  it('shows the cluster, moves with time, and stops with the cursor back and no timer left', async () => {
    const { clock, terminal, table } = live(async () => viewOf());
    table.start();
    await clock.advance(250);
    expect(terminal.text()).toContain('validator-2  validator  leads');
    const frames = terminal.frames.length;
    await clock.advance(1_000);
    expect(terminal.frames.length - frames).toBe(4);
    table.stop();
    table.stop();
    expect(terminal.isCursorShown).toBe(true);
    expect(clock.pending()).toBe(0);
    expect(terminal.text().split('\n')).toHaveLength(5);
  });

  it('says underneath what happened', async () => {
    let view = viewOf();
    const { clock, terminal, table } = live(async () => view);
    table.start();
    await clock.advance(600);
    const killed = { type: 'killed', detail: 'killed(SIGKILL)' } as const;
    const dead = nodeOf('validator-2', {
      tree: undefined,
      epoch: undefined,
      trouble: { code: 'NO_RESPONDERS', message: '' },
      unit: unitOf('validator-2', { status: 'restarting', restarts: 1, lastExit: killed }),
    });
    const [first, , device] = healthyNodes();
    const led = { clusterHead: 'validator-1', term: 513 };
    view = viewOf([{ ...first!, epoch: epochOf(led) }, dead, { ...device!, epoch: epochOf(led) }]);
    await clock.advance(600);
    table.note('something else');
    await clock.advance(250);
    const events = terminal.text().split('\n\n')[1];
    expect(events).toMatch(
      /^\S+ {2}validator-1 leads in term 513\n\S+ {2}validator-2 ended: killed\(SIGKILL\)\n\S+ {2}something else$/,
    );
    table.stop();
  });

  it('outlives a server that is away, saying so once and keeping the picture', async () => {
    let away = false;
    const { clock, terminal, table } = live(async () => {
      if (away) throw new BusUnavailableError('the NATS server is away');
      return viewOf();
    });
    table.start();
    await clock.advance(600);
    away = true;
    await clock.advance(2_000);
    expect(terminal.text()).toMatch(/^the NATS server is away\nNODE/);
    expect(terminal.text().match(/NATS server is away/g)).toHaveLength(2);
    away = false;
    await clock.advance(1_000);
    expect(terminal.text()).toMatch(/^lab {2}healthy/);
    table.stop();
  });

  it('waits in words until there is something to show, and for nothing after its stop', async () => {
    let answer: (view: ClusterView) => void = () => undefined;
    const { clock, terminal, table } = live(
      () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    );
    table.start();
    await clock.advance(1_000);
    expect(terminal.text()).toBe('waiting for the nodes …');
    table.stop();
    answer(viewOf());
    await clock.advance(1_000);
    expect(clock.pending()).toBe(0);
  });

  it('keeps to a low terminal: events go before nodes', async () => {
    const { clock, terminal, table } = live(async () => viewOf());
    terminal.rows = 8;
    table.start();
    for (let i = 0; i < 5; i++) table.note(`event ${i}`);
    await clock.advance(500);
    expect(terminal.text().split('\n')).toHaveLength(7);
    expect(terminal.text()).not.toContain('event 3');
    expect(terminal.text()).toContain('event 4');
    table.stop();
  });
});
