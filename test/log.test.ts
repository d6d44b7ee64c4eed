/** The log: flat lines with an action, no secrets, two lines a burst, and lines for people. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLog, type LogLevel, silentLog } from '../actors/system/log.ts';
import { oncePerBurst } from '../actors/system/logBurst.ts';
import { renderLogLine } from '../actors/system/logLine.ts';
import { createVirtualClock } from '../actors/system/virtualClock.ts';
import type { LogFields } from '../actors/system/world.ts';

const startMs = 1_700_000_000_000;

/** A log into memory. */
const collect = (level: LogLevel = 'debug') => {
  const clock = createVirtualClock({ startMs });
  const lines: string[] = [];
  const log = createLog({ node: 'validator-1', clock, level, destination: { write: (line) => lines.push(line) } });
  return { log, clock, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
};

describe('the log', () => {
  it('writes one JSON object a line: level, time of the clock, node, action, fields', async () => {
    const { log, clock, lines } = collect();
    await clock.advance(1_234.9);
    log.info('election.won', { term: 513, head: 'validator-1', first: true, previous: null, unknown: undefined });
    expect(lines).toEqual([
      `{"level":"info","time":${startMs + 1234},"node":"validator-1","action":"election.won","term":513,"head":"validator-1","first":true,"previous":null}\n`,
    ]);
  });

  it.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['silent', []],
  ] as const)('at level %s writes %j', (level, expected) => {
    const { log, records } = collect(level);
    for (const each of ['debug', 'info', 'warn', 'error'] as const) log[each]('x');
    expect(records().map((record) => record.level)).toEqual(expected);
  });

  it('refuses a level that is none', () => {
    expect(() => collect('loud' as LogLevel)).toThrow('log level loud is none of debug, info, warn, error, silent');
  });

  it('carries the fields of a child, the nearest winning, each once', () => {
    const { log, lines } = collect();
    const actor = log.child({ actor: 'election', state: 'follower' }).child({ state: 'candidate' });
    actor.info('actor.entered', { actor: 'election#2' });
    expect(lines[0]).toContain('"actor":"election#2","state":"candidate"');
    expect(lines[0]?.match(/"actor"/g)).toHaveLength(1);
  });

  it('never lets a field stand in for the line’s own', () => {
    const { log, records } = collect();
    log.info('membership.joined', { node: 'validator-2', time: 1, level: 'x', action: 'y' });
    expect(records()[0]).toEqual({
      level: 'info',
      time: startMs,
      node: 'validator-1',
      action: 'membership.joined',
      node_: 'validator-2',
      time_: 1,
      level_: 'x',
      action_: 'y',
    });
  });

  it('hides secrets by name and by look, and only those', () => {
    const { log, lines, records } = collect();
    const seed = `SUA${'B'.repeat(55)}`;
    const fields = {
      key: 'k1',
      seed: 's1',
      groupSeed: 's2',
      admin_seed: 's3',
      privateKey: 'k2',
      password: 'p1',
      apiToken: 't1',
      reason: `bad seed ${seed} in file`,
      bundle: 'p2pos-admin://eyJhIjoxfQ==',
      pem: '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----',
      peerId: `UA${'B'.repeat(54)}`,
      publicKey: 'p2',
      keys: 3,
      seeded: true,
    };
    log.child({ secret: 'x1' }).warn('config.bad', fields);
    expect(lines[0]).not.toMatch(/"(k1|s1|s2|s3|k2|p1|t1|x1)"|SUAB|eyJh|MIIB/);
    expect(records()[0]).toMatchObject({
      reason: 'bad seed [redacted] in file',
      bundle: '[redacted]',
      peerId: fields.peerId,
      publicKey: 'p2',
      keys: 3,
      seeded: true,
    });
  });

  it('hides a secret that the cut of a long text would halve', () => {
    const { log, lines } = collect();
    log.error('config.bad', { text: `${'x'.repeat(1_980)} SUA${'B'.repeat(55)}` });
    expect(lines[0]).not.toContain('SUAB');
  });

  it('shows the key of a store entry, which names a place', () => {
    const { log, records } = collect();
    log.error('store_entry_damaged', { key: 'election.term' });
    log.error('store_entry_damaged', { key: '9f86d081884c7d65' });
    expect(records().map(({ key }) => key)).toEqual(['election.term', '[redacted]']);
  });

  it('takes whatever a careless caller gives it, flat and short', () => {
    const { log, lines, records } = collect();
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const careless = {
      long: 'x'.repeat(100_000),
      error: new Error('broken'),
      nested: { a: [1] },
      circle,
      big: 5n,
      notANumber: Number.NaN,
      run: () => 1,
      multi: 'two\nlines',
    } as unknown as LogFields;
    log.error('x', careless);
    expect(lines[0]?.match(/\n/g)).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(3_000);
    expect(records()[0]).toMatchObject({ error: 'Error: broken', nested: '{"a":[1]}', big: '5', notANumber: 'NaN' });
    expect(Object.values(records()[0] ?? {}).every((value) => typeof value !== 'object')).toBe(true);
  });

  it('appends to a file, and flush writes before it returns', () => {
    const folder = mkdtempSync(join(tmpdir(), 'isochron-log-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const destination = join(folder, 'logs', 'validator-1.ndjson');
    const clock = createVirtualClock();
    for (const action of ['first', 'second']) {
      const log = createLog({ node: 'validator-1', clock, destination });
      log.info(action);
      log.flush();
      expect(readFileSync(destination, 'utf8')).toContain(action);
      log.close();
    }
    expect(readFileSync(destination, 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it('has a silent twin', () => {
    expect(() => silentLog.child({ a: 1 }).error('x')).not.toThrow();
  });
});

describe('a burst', () => {
  const bursting = (windowMs = 1_000) => {
    const under = collect();
    const burst = oncePerBurst(under.log, under.clock, windowMs);
    const forged = (count: number, reason = 'bad_signature', everyMs = 0) => {
      for (let i = 0; i < count; i++) {
        burst.warn('beacon.refused', { reason, from: 'validator-2' });
        under.clock.advanceSync(everyMs);
      }
    };
    const brief = () => under.records().map(({ level, time, node, action, ...fields }) => fields);
    return { ...under, burst, forged, brief };
  };

  it('logs the first at once and the count when it has been quiet for a window', () => {
    const { clock, forged, brief } = bursting();
    forged(500, 'bad_signature', 3);
    expect(brief()).toEqual([{ reason: 'bad_signature', from: 'validator-2' }]);
    clock.advanceSync(996);
    expect(brief()).toHaveLength(1);
    clock.advanceSync(1);
    expect(brief()[1]).toEqual({ reason: 'bad_signature', repeated: 499, durationMs: 499 * 3 });
    expect(clock.pending()).toBe(0);
  });

  it('logs a lone event once, and the next burst anew', () => {
    const { clock, forged, brief } = bursting();
    forged(1);
    clock.advanceSync(5_000);
    forged(1);
    clock.advanceSync(5_000);
    expect(brief()).toHaveLength(2);
    expect(clock.pending()).toBe(0);
  });

  it('keeps reasons apart', () => {
    const { clock, forged, brief } = bursting();
    forged(3, 'bad_signature');
    forged(2, 'stale');
    clock.advanceSync(1_000);
    expect(brief().map(({ reason, repeated }) => [reason, repeated])).toEqual([
      ['bad_signature', undefined],
      ['stale', undefined],
      ['bad_signature', 2],
      ['stale', 1],
    ]);
  });

  it('reports an endless burst every 60 windows, losing no event', () => {
    const { burst, forged, brief } = bursting();
    forged(300, 'bad_signature', 500);
    const reports = brief().filter(({ repeated }) => repeated !== undefined);
    expect(reports.length).toBe(2);
    burst.end();
    const repeated = brief().map((line) => Number(line.repeated ?? 0));
    expect(repeated.reduce((sum, n) => sum + n)).toBe(299);
  });

  it('lets an attacker who invents reasons have 256 of them, and one more', () => {
    const { clock, burst, lines } = bursting();
    for (let i = 0; i < 5_000; i++) burst.warn('beacon.refused', { reason: `r${i}` });
    expect(lines.length).toBe(257);
    clock.advanceSync(1_000);
    expect(lines.length).toBe(258);
    expect(lines.at(-1)).toContain('"reason":"other","repeated":4743');
  });

  it('ends at once when told to, leaving no timer', () => {
    const { clock, burst, forged, brief } = bursting();
    forged(4);
    burst.end();
    expect(brief().at(-1)).toMatchObject({ repeated: 3 });
    expect(clock.pending()).toBe(0);
    forged(1);
    expect(brief()).toHaveLength(3);
  });

  it.each([0, -1, Number.NaN])('refuses the window %s', (windowMs) => {
    expect(() => bursting(windowMs)).toThrow(RangeError);
  });
});

describe('a rendered line', () => {
  it('reads HH:MM:SS.mmm level node action=… key=value, in local time', () => {
    const at = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
    const line = {
      level: 'info',
      time: at,
      node: 'validator-1',
      action: 'election.won',
      term: 513,
      first: true,
      head: null,
    };
    expect(renderLogLine(JSON.stringify(line))).toBe(
      '03:04:05.006 info  validator-1 action=election.won term=513 first=true head=null',
    );
  });

  it('quotes what could be misread', () => {
    const line = {
      level: 'error',
      time: 'x',
      node: 'n',
      action: 'a',
      text: 'two words',
      equals: 'a=b',
      quote: '"',
      none: '',
      list: [1],
    };
    expect(renderLogLine(JSON.stringify(line))).toBe(
      '--:--:--.--- error n action=a text="two words" equals="a=b" quote="\\"" none="" list=[1]',
    );
  });

  it('lets nothing in a line drive the terminal', () => {
    const evil = '\u001b[2J\u009b31m\u2028\u007f\r\n';
    const rendered = renderLogLine(JSON.stringify({ level: evil, node: evil, [evil]: evil, action: evil }));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(rendered).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
    expect(rendered).toContain('\\u001b[2J');
  });

  it.each(['Error: broken', '{"level":"info","ti', '[1]', '"x"', 'null', ''])(
    'shows what is no log line as it is: %s',
    (text) => {
      expect(renderLogLine(`${text}\n`)).toBe(text);
    },
  );
});
