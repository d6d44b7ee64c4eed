/** `isochron epoch [--config]`: what every node says of the time, and whether they agree; or the feature configuration. */
import { type FeatureConfigReply, IsochronError } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import { askVerb } from '../ask.ts';
import {
  type ClusterView,
  disagreements,
  epochAt,
  headOf,
  isAgreed,
  type NodeView,
  skewOf,
  statusOf,
} from '../clusterView.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodeOf, exitCodes } from '../exitCodes.ts';
import { gatherTimeoutMsDefault } from '../gather.ts';
import { type Observation, observe, silentNodes } from '../observe.ts';
import type { Paint } from '../output.ts';
import { type TableColumn, tableLines } from '../render/columns.ts';
import { formatSignedMs } from '../render/durations.ts';
import { plain } from '../render/text.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const observation = await observe(context);
  return args.flag('config') ? showConfig(context, observation) : showEpochs(context, observation);
};

// ── Epochs ──────────────────────────────────────────────────────────────────

/** Gathering takes milliseconds, an epoch seconds: two boundaries in a row are not met by chance. */
const gatheringsMax = 3;

/** Gathered within one epoch: across a boundary, nodes that agree would show different numbers. */
const withinOneEpoch = async ({ gatherer }: Observation): Promise<ClusterView> => {
  let view = await gatherer.gather();
  for (
    let n = 1;
    n < gatheringsMax && isAgreed(view) && new Set(view.nodes.map(({ epoch }) => epoch?.epoch)).size > 1;
    n++
  ) {
    view = await gatherer.gather();
  }
  return view;
};

const showEpochs = async ({ output }: Context, observation: Observation): Promise<ExitCode> => {
  const view = await withinOneEpoch(observation);
  const problems = disagreements(view);
  const { head, term } = headOf(view);
  const agree = problems.length === 0;
  const nodes = view.nodes.map((node) => documentOf(view, node));
  const epoch = agree ? (view.nodes[0]?.epoch?.epoch ?? null) : null;
  output.result({ cluster: view.cluster, agree, epoch, head, term, nodes, problems }, (paint) =>
    [
      ...tableLines(columns(view), view.nodes, { paint }),
      agree
        ? paint('green', `all agree on epoch ${epoch}`)
        : paint('yellow', `they do not agree: ${disagreements(view, false).map(plain).join('; ')}`),
    ].join('\n'),
  );
  for (const silent of silentNodes(view)) output.message(silent);
  const allSilent = view.nodes.every((node) => node.epoch === undefined);
  return allSilent ? silenceOf(view) : exitCodes.ok;
};

/** Nobody answered: out of time, or nobody there. */
const silenceOf = ({ nodes }: ClusterView): ExitCode =>
  nodes.some(({ trouble }) => trouble?.code === 'ASK_TIMEOUT') ? exitCodes.timeout : exitCodes.unavailable;

const documentOf = (view: ClusterView, node: NodeView) => {
  const { name, role, epoch, trouble } = node;
  if (epoch === undefined) return { node: name, role: role ?? null, error: trouble ?? null };
  const { atMs, ...reply } = epoch;
  return { node: name, role: role ?? null, ...reply, phase: epochAt(epoch, atMs).phase, skewMs: skewOf(view, node) };
};

const orDash = (value: string | number | null | undefined): string =>
  value === null || value === undefined ? '-' : String(value);

const columns = (view: ClusterView): readonly TableColumn<NodeView>[] => [
  { title: 'NODE', text: ({ name }) => name, minWidth: 12 },
  { title: 'EPOCH', text: ({ epoch }) => orDash(epoch?.epoch), align: 'right' },
  {
    title: 'PHASE',
    text: ({ epoch }) => (epoch === undefined ? '-' : `${Math.floor(100 * epochAt(epoch, epoch.atMs).phase)} %`),
    align: 'right',
    optional: 2,
  },
  {
    title: 'SYNCHRONIZED',
    text: (node) => synchronizedText(node),
    colour: ({ epoch }) => (epoch?.synchronized === true ? 'green' : 'red'),
  },
  { title: 'HEAD', text: ({ epoch }) => orDash(epoch?.clusterHead), minWidth: 12 },
  { title: 'TERM', text: ({ epoch }) => orDash(epoch?.term), align: 'right' },
  { title: 'CONFIG', text: ({ epoch }) => orDash(epoch?.configVersion), align: 'right', optional: 1 },
  {
    title: 'OFFSET MS',
    text: ({ epoch }) => (epoch === undefined ? '-' : formatSignedMs(epoch.offsetMs)),
    align: 'right',
    optional: 3,
  },
  { title: 'SKEW MS', text: (node) => skewText(skewOf(view, node)), align: 'right' },
];

const synchronizedText = (node: NodeView): string => {
  const { epoch } = node;
  if (epoch !== undefined) return epoch.synchronized ? 'yes' : 'no';
  return statusOf(node);
};

const skewText = (skewMs: number | null): string => (skewMs === null ? '-' : formatSignedMs(skewMs));

// ── The feature configuration ───────────────────────────────────────────────

const showConfig = async ({ output }: Context, { connection }: Observation): Promise<ExitCode> => {
  const { bus, nodes } = connection;
  const config = await firstAnswer(['any', ...nodes.map(({ name }) => name)], (to) =>
    askVerb(bus, to, 'config.get', {}, { timeoutMs: gatherTimeoutMsDefault }),
  );
  output.result(config, (paint) => configLines(config, paint).join('\n'));
  return exitCodes.ok;
};

/** Of several who know the same, the first that answers. @throws what the first said when nobody does */
const firstAnswer = async <T>(candidates: readonly string[], ask: (to: string) => Promise<T>): Promise<T> => {
  let first: unknown;
  for (const to of candidates) {
    try {
      return await ask(to);
    } catch (error) {
      if (!(error instanceof IsochronError) || error.code === 'BUS_UNAVAILABLE') throw error;
      // What a node says of the configuration tells more than that no validator was ready.
      if (first === undefined || exitCodeOf(first) === exitCodes.unavailable) first = error;
    }
  }
  throw first;
};

const fieldWidth = 20;

const configLines = (config: FeatureConfigReply, paint: Paint): readonly string[] => {
  const { pilotPlan, ...fields } = config;
  const all: readonly (readonly [string, unknown])[] = [
    ...Object.entries(fields),
    ...Object.entries(pilotPlan).map(
      ([name, value]) => [`pilotPlan.${name}`, Array.isArray(value) ? value.join(' ') : value] as const,
    ),
  ];
  const width = Math.max(fieldWidth, ...all.map(([name]) => name.length)) + 2;
  return all.map(([name, value]) => `${paint('dim', name.padEnd(width))}${plain(String(value)) || '-'}`);
};
