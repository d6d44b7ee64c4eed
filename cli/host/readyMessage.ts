/** What `up` says when its cluster is ready: what runs, and three things to do next. */
import { commandText } from '../commandText.ts';
import type { Paint } from '../output.ts';
import { count } from '../render/count.ts';
import type { Agreement } from './readiness.ts';
import type { RunningCluster } from './runningCluster.ts';

export interface ReadyLine {
  readonly ready: true;
  readonly dir: string;
  readonly nats: string | null;
  readonly console: string | null;
  readonly nodes: readonly string[];
}

/** The one line of `up --json`. */
export const readyLine = ({ dir, nats, nodes }: RunningCluster): ReadyLine => ({
  ready: true,
  dir,
  nats,
  console: null,
  nodes,
});

/** @param commandOf a command line as somebody in another terminal types it */
export const readyMessage = (
  cluster: RunningCluster,
  agreement: Agreement,
  paint: Paint,
  commandOf: (words: readonly string[]) => string,
): string => {
  const validators = cluster.nodes.filter((name) => name.startsWith('validator-')).length;
  const devices = cluster.nodes.length - validators;
  const who = `${count(validators, 'validator')} and ${count(devices, 'device')}`;
  const { epoch, head, term } = agreement;
  return [
    `${paint('green', 'Ready')}: ${who} agree on epoch ${epoch}; ${head} leads (term ${term}).`,
    `Directory ${cluster.dir}, ${cluster.nats === null ? 'in-memory bus' : `NATS at ${cluster.nats}`}. Ctrl-C stops it.`,
    'Next, in another terminal:',
    ...nextCommands(cluster, head, commandOf).map((command) => `  ${paint('bold', command)}`),
  ].join('\n');
};

/** On the in-memory bus nobody can be asked: what helps then is to find out why, and to make a cluster that can. */
const nextCommands = (
  { nats }: RunningCluster,
  head: string,
  commandOf: (words: readonly string[]) => string,
): readonly string[] =>
  nats === null
    ? [['doctor'], ['init', 'my-cluster'], ['config']].map((words) => commandText(words))
    : [['ps'], ['top'], ['kill', head]].map(commandOf);
