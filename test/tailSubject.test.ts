/** What `tail` can be told to listen to. */
import { describe, expect, it } from 'vitest';
import { exitCodeOf } from '../cli/exitCodes.ts';
import { parseTailSubject } from '../cli/tailSubject.ts';

const said = ['beacon.beacon', 'election.coordinator', 'election.heartbeat'];

describe('a subject', () => {
  it.each<[string | undefined, string | undefined, string[]]>([
    [undefined, undefined, said],
    ['say', undefined, said],
    ['say.>', undefined, said],
    ['say.validator-1', 'validator-1', said],
    ['say.*.election', undefined, ['election.coordinator', 'election.heartbeat']],
    ['iso.v1.lab.say.validator-1.beacon.*', 'validator-1', ['beacon.beacon']],
    ['beacon', undefined, ['beacon.beacon']],
    ['election.heartbeat', undefined, ['election.heartbeat']],
  ])('%s is what is said', (subject, from, topics) => {
    expect(parseTailSubject(subject)).toEqual({ mode: 'say', from, topics });
  });

  it.each([
    ['live.validator-1', 'validator-1', undefined],
    ['live.validator-1.*', 'validator-1', undefined],
    ['live.validator-1.election', 'validator-1', 'election'],
    ['validator-1/ledger/sync', 'validator-1', 'ledger/sync'],
    ['iso.v1.lab.live.device-1.>', 'device-1', undefined],
  ])('%s is what actors do', (subject, node, actor) => {
    expect(parseTailSubject(subject)).toEqual({ mode: 'live', node, actor });
  });

  it.each(['nope', 'say.UPPER', 'say.a.b.c.d', 'live', 'live.*', 'live.Not', 'resync.request', ''])(
    "is not '%s' (exit 2)",
    (subject) => {
      expect(() => parseTailSubject(subject)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );

  it.each(['tell.device-1.>', 'ask.any', 'iso.v1.lab.tell.x'])('%s cannot be heard (exit 7)', (subject) => {
    let thrown: unknown;
    try {
      parseTailSubject(subject);
    } catch (error) {
      thrown = error;
    }
    expect(exitCodeOf(thrown)).toBe(7);
  });
});
