/** What reaches stdout, what stderr; colours, JSON and quiet; and which exit code an error has. */
import { describe, expect, it } from 'vitest';
import {
  AskTimeoutError,
  BusDeniedError,
  BusUnavailableError,
  NoRespondersError,
  PortInUseError,
  RemoteError,
} from '../bus/index.ts';
import {
  AlreadyRunningError,
  AmbiguousClusterError,
  ClusterEndedError,
  FileError,
  TargetNotEmptyError,
  TemporaryFolderError,
  UnknownIdError,
  UsageError,
} from '../cli/errors.ts';
import { exitCodeOf } from '../cli/exitCodes.ts';
import { Output } from '../cli/output.ts';
import { messageOf, reportError } from '../cli/report.ts';

interface Setting {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly isTTY?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const outputs = ({ json = false, quiet = false, isTTY = false, env = {} }: Setting = {}) => {
  const written = { stdout: '', stderr: '' };
  const sink = (name: keyof typeof written) => ({
    isTTY,
    write: (text: string) => {
      written[name] += text;
    },
  });
  return { written, output: new Output({ stdout: sink('stdout'), stderr: sink('stderr'), json, quiet, env }) };
};

describe('output', () => {
  it('puts results on stdout and messages on stderr', () => {
    const { output, written } = outputs();
    output.result({ a: 1 }, () => 'one');
    output.message('working');
    expect(written).toEqual({ stdout: 'one\n', stderr: 'working\n' });
  });

  it('prints one JSON object a line with --json, and never renders', () => {
    const { output, written } = outputs({ json: true });
    output.result({ text: 'a\nb' }, () => {
      throw new Error('rendered');
    });
    expect(written.stdout).toBe('{"text":"a\\nb"}\n');
  });

  it('is silent with --quiet, but for results, warnings and errors', () => {
    const { output, written } = outputs({ quiet: true });
    output.message('working');
    output.warn('odd');
    output.error('X', 'bad', {});
    expect(written.stderr).toBe('isochron: odd\nisochron: bad\n');
  });

  it.each<[string, Setting, boolean]>([
    ['on a terminal', { isTTY: true }, true],
    ['not off one', {}, false],
    ['not with NO_COLOR', { isTTY: true, env: { NO_COLOR: '1' } }, false],
    ['again with an empty NO_COLOR', { isTTY: true, env: { NO_COLOR: '' } }, true],
    ['not on a dumb terminal', { isTTY: true, env: { TERM: 'dumb' } }, false],
    ['off one with FORCE_COLOR', { env: { FORCE_COLOR: '1' } }, true],
    ['never with --json', { isTTY: true, json: true }, false],
  ])('paints %s', (_, setting, painted) => {
    const { output } = outputs(setting);
    expect(output.paint('red', 'x') !== 'x').toBe(painted);
  });

  it('gives errors the shape they have on the bus with --json', () => {
    const { output, written } = outputs({ json: true });
    reportError(new FileError('a.json', 'preset', 'expected "lab"'), output, {});
    expect(JSON.parse(written.stderr)).toEqual({
      error: {
        code: 'FILE_INVALID',
        message: 'a.json: preset: expected "lab"',
        details: { file: 'a.json', field: 'preset', expected: 'expected "lab"' },
      },
    });
  });

  it('says any error in one line', () => {
    const { output, written } = outputs();
    reportError(new Error('first\n  second'), output, {});
    expect(written.stderr).toBe('isochron: first second\n');
  });

  it('calls a full disk by its name', () => {
    expect(messageOf(Object.assign(new Error('write'), { code: 'ENOSPC' }))).toMatch(/^the disk is full/);
  });
});

describe('an exit code', () => {
  it.each<[number, unknown]>([
    [1, new Error('a bug')],
    [1, 'thrown text'],
    [1, new AlreadyRunningError('/c', 1)],
    [1, new TargetNotEmptyError('/c')],
    [1, new RemoteError('UNIT_STATE', 409, '')],
    [1, new RemoteError('STORE_LOCKED', 409, '')],
    [2, new UsageError('')],
    [2, new FileError('f', '', '')],
    [2, new AmbiguousClusterError(['/a', '/b'])],
    [2, new RemoteError('BAD_REQUEST', 400, '')],
    [2, new RemoteError('STORE_UNREADABLE', 500, '')],
    [2, Object.assign(new Error(''), { code: 'ENOENT' })],
    [2, new ClusterEndedError('', 2)],
    [4, new UnknownIdError('x')],
    [4, new RemoteError('NOT_FOUND', 404, '')],
    [5, new AskTimeoutError('a', 'b.c', 1)],
    [6, new NoRespondersError('a', 'b.c')],
    [6, new BusUnavailableError('')],
    [6, new PortInUseError('')],
    [6, new RemoteError('STORE_FULL', 507, '')],
    [6, Object.assign(new Error(''), { code: 'ENOSPC' })],
    [6, new ClusterEndedError('', 6)],
    [6, new TemporaryFolderError('/nowhere')],
    [7, new BusDeniedError('')],
    [7, new RemoteError('NOT_OPERABLE', 403, '')],
    [7, Object.assign(new Error(''), { code: 'EACCES' })],
    [1, new ClusterEndedError('', 99)],
  ])('is %d for %o', (code, error) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});
