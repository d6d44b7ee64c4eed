/** `isochron inspect <id>`: everything a unit tells about itself: its place in the tree, its snapshot, its statechart. */
import { inspect } from 'node:util';
import type { TreeNode, VerbReply } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import { askVerb } from '../ask.ts';
import { connectOperator } from '../cluster.ts';
import type { Context } from '../context.ts';
import { UnknownIdError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { type Address, addressOf, askAbout, type Connection, findUnit } from '../ids.ts';
import type { Output, Paint } from '../output.ts';
import { stateLines } from '../render/definition.ts';
import { formatDuration } from '../render/durations.ts';
import { plain } from '../render/text.ts';
import { renderTree, type TreeItem } from '../render/tree.ts';
import { colourOf } from '../unitRows.ts';

export const run = async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
  const address = addressOf(args.required('id'));
  const connection = await connectOperator(context);
  if (address.isBare) await inspectNode(context.output, connection, address);
  else await inspectActor(context.output, connection, address);
  return exitCodes.ok;
};

/** A healthy node answers in milliseconds; a person waits. */
const patience = { timeoutMs: 2_000 };

// ── A node ──────────────────────────────────────────────────────────────────

const inspectNode = async (output: Output, connection: Connection, address: Address): Promise<void> => {
  const { id } = address;
  const ownTree = await ownTreeOf(connection, id);
  const unit = await unitOfHost(connection, address, ownTree);
  const tree = ownTree ?? unit;
  output.result({ unit: { ...unit, children: [] }, tree: ownTree ?? null }, (paint) =>
    [
      ...unitLines(unit, paint),
      ...(tree.children.length === 0
        ? []
        : [heading('actors', paint), ...renderTree(itemOf(tree), (branch) => paint('dim', branch)).slice(1)]),
    ].join('\n'),
  );
};

/** Undefined when it does not answer: `host` still knows how it is. */
const ownTreeOf = async ({ bus, nodes }: Connection, id: string): Promise<TreeNode | undefined> => {
  if (!nodes.some(({ name }) => name === id)) return undefined;
  return askVerb(bus, id, 'supervisor.tree', {}, patience).catch(() => undefined);
};

/** The node as `host` sees it; as it sees itself where nobody supervises it. */
const unitOfHost = async (connection: Connection, address: Address, own: TreeNode | undefined): Promise<TreeNode> => {
  try {
    const unit = findUnit(await askAbout(connection, address, 'supervisor.tree', {}, patience), address.id);
    if (unit !== undefined) return unit;
  } catch (error) {
    if (own === undefined) throw error;
  }
  if (own !== undefined) return own;
  throw new UnknownIdError(
    address.id,
    connection.nodes.map(({ name }) => name),
  );
};

const itemOf = ({ id, status, state, children }: TreeNode): TreeItem => ({
  label: [id.slice(id.lastIndexOf('/') + 1), status, state]
    .filter((text) => text !== '')
    .map(plain)
    .join('  '),
  children: children.map(itemOf),
});

// ── An actor ────────────────────────────────────────────────────────────────

const inspectActor = async (output: Output, connection: Connection, address: Address): Promise<void> => {
  const { id } = address;
  const unit = findUnit(await askAbout(connection, address, 'supervisor.tree', {}, patience), id);
  if (unit === undefined) throw new UnknownIdError(id);
  // A unit that is not running has a place in the tree and nothing else.
  const isRunning = unit.status === 'running';
  const snapshot = isRunning ? await askAbout(connection, address, 'actor.snapshot', { id }, patience) : null;
  const definition = isRunning ? await askAbout(connection, address, 'actor.definition', { id }, patience) : null;
  const { children, ...alone } = unit;
  const document = {
    unit: { ...alone, children: children.map((child) => child.id) },
    snapshot,
    definition: definition?.definition ?? null,
  };
  output.result(document, (paint) =>
    [
      ...unitLines(unit, paint),
      ...(snapshot === null ? [] : snapshotLines(snapshot, output, paint)),
      ...(definition === null
        ? []
        : [heading('statechart', paint), ...stateLines(definition.definition, snapshot?.value, paint)]),
    ].join('\n'),
  );
};

const heading = (text: string, paint: Paint): string => `\n${paint('bold', text)}`;

const labelWidth = 10;
const line = (label: string, text: string): string => `${label.padEnd(labelWidth)}${text}`;

const unitLines = (unit: TreeNode, paint: Paint): readonly string[] => {
  const { id, actor, status, state, restarts, incarnation, uptimeMs, pid, mailbox, isolation, lastExit } = unit;
  const up = status === 'running' ? ` for ${formatDuration(uptimeMs)}` : '';
  return [
    paint('bold', plain(id)),
    line('actor', plain(actor)),
    line('status', `${paint(colourOf(status) ?? 'dim', status)}${up}`),
    ...(state === '' ? [] : [line('state', plain(state))]),
    line('restarts', `${restarts} (incarnation ${incarnation})`),
    ...(lastExit === undefined ? [] : [line('last exit', plain(lastExit.detail ?? lastExit.type))]),
    line('runs', pid === null ? isolation : `${isolation}, pid ${pid}`),
    line('mailbox', String(mailbox)),
  ];
};

/** Deep enough for every context of ours, shallow enough for a screen. */
const depthMax = 6;
const arrayItemsMax = 50;
const textMax = 100;

const snapshotLines = (
  { tags, context, operable }: VerbReply<'actor.snapshot'>,
  output: Output,
  paint: Paint,
): readonly string[] => [
  line('tags', tags.length === 0 ? '-' : tags.map(plain).join(', ')),
  line('accepts', operable.length === 0 ? 'no events from outside' : operable.map(plain).join(', ')),
  heading('context', paint),
  inspect(context, {
    depth: depthMax,
    maxArrayLength: arrayItemsMax,
    maxStringLength: textMax,
    breakLength: Math.max(40, output.columns),
    // Coloured exactly where everything else is.
    colors: paint('dim', 'x') !== 'x',
    sorted: false,
  }),
];
