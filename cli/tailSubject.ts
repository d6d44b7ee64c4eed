/** What `isochron tail` listens to: a pattern over the subjects of 3-interface §1, as short as it can be typed. */
import { IsochronError, isName, topics } from '../protocol/index.ts';
import { UsageError } from './errors.ts';

export interface SayTarget {
  readonly mode: 'say';
  /** Whom; undefined = all. */
  readonly from: string | undefined;
  /** `<concern>.<message>`, never empty. */
  readonly topics: readonly string[];
}

export interface LiveTarget {
  readonly mode: 'live';
  readonly node: string;
  /** Path within the node; undefined = all its actors. */
  readonly actor: string | undefined;
}

/** Tells and asks reach the node they are for and nobody else. Exit 7. */
class NotAudibleError extends IsochronError {
  constructor(mode: string) {
    super(
      'NOT_AUDIBLE',
      403,
      `'${mode}' messages reach nobody but the node they are sent to; tail can hear say and live`,
    );
  }
}

const saidTopics: readonly string[] = Object.entries(topics)
  .filter(([, { mode }]) => mode === 'say')
  .map(([topic]) => topic);

/**
 * Understands `say.<from>.<concern>.<message>` (`*` and `>` as in NATS), `<concern>`, `<concern>.<message>`,
 * `live.<node>[.<actor>]`, an id such as `validator-1/election`, each with or without `iso.v1.<cluster>.` in front.
 * @throws UsageError, NotAudibleError
 */
export const parseTailSubject = (subject = 'say'): SayTarget | LiveTarget => {
  const tokens = subject.replace(/^iso\.v1\.[^.]+\./, '').split('.');
  const [mode = '', ...rest] = tokens;
  switch (mode) {
    case 'say':
      return sayTarget(rest, subject);
    case 'live':
      return liveTarget(rest, subject);
    case 'tell':
    case 'ask':
      throw new NotAudibleError(mode);
    default:
      if (subject.includes('/')) return liveTarget(subject.split('/'), subject);
      return sayTarget(['*', ...tokens], subject);
  }
};

const isWild = (token: string | undefined): boolean => token === undefined || token === '*' || token === '>';

const sayTarget = ([from, concern, message, ...more]: readonly string[], subject: string): SayTarget => {
  if (more.length > 0 || (!isWild(from) && !isName(from ?? ''))) throw badSubject(subject);
  const known = saidTopics.filter((topic) => {
    const [itsConcern, itsMessage] = topic.split('.');
    return (isWild(concern) || concern === itsConcern) && (isWild(message) || message === itsMessage);
  });
  if (known.length === 0) throw badSubject(subject);
  return { mode: 'say', from: isWild(from) ? undefined : from, topics: known };
};

const liveTarget = ([node, ...path]: readonly string[], subject: string): LiveTarget => {
  if (node === undefined || !isName(node)) throw badSubject(subject);
  const actor = path.filter((token) => !isWild(token)).join('/');
  return { mode: 'live', node, actor: actor === '' ? undefined : actor };
};

const badSubject = (subject: string): UsageError =>
  new UsageError(
    `'${subject}' is no subject to listen to: expected say, ${saidTopics.join(', ')}, live.<node> or live.<node>.<actor>`,
  );
