/** `isochron restart|stop|start|kill <id>`: steers a unit through its supervisor. Audited, so the caller says who it is. */

import { BusUnavailableError } from '../../bus/index.ts';
import type { TreeNode } from '../../protocol/index.ts';
import type { Arguments } from '../arguments.ts';
import { callerName, commandFor, connectOperator, type OperatorConnection } from '../cluster.ts';
import { commandText } from '../commandText.ts';
import { confirm } from '../confirm.ts';
import type { Context } from '../context.ts';
import { ServerNeededError, UnknownIdError, UsageError } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { locksOut } from '../host/guardedBus.ts';
import { natsUnitName } from '../host/natsProgram.ts';
import { type Address, addressOf, askAbout, findUnit, unitsOf } from '../ids.ts';

export type ControlAction = 'restart' | 'stop' | 'start' | 'kill';

/** What happens now that the verb is answered: supervisors act after that. */
const outcomes: Readonly<Record<ControlAction, (id: string, startCommand: string) => string>> = {
  restart: (id) => `${id} is being restarted`,
  stop: (id, startCommand) => `${id} is being stopped; it stays stopped until: ${startCommand}`,
  start: (id) => `${id} is being started`,
  kill: (id) => `${id} was killed; its supervisor restarts it`,
};

/** What is asked before a whole node is taken away. */
const questions: { readonly [A in ControlAction]?: string } = {
  stop: 'stops with all its actors and stays stopped. Stop it?',
  kill: 'loses everything it has not written down, as in a power cut. Kill it?',
};

/** What a unit is already that somebody wants it to become. */
const already: { readonly [A in ControlAction]?: TreeNode['status'] } = { start: 'running', stop: 'stopped' };

export const control =
  (action: ControlAction) =>
  async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
    const address = addressOf(args.required('id'));
    const { id, isBare } = address;
    refuseWhole(id, action);
    const connection = await connectOperator(context);
    const { status } = await unitOf(connection, address);
    if (status === already[action]) {
      context.output.result({ id, action, done: true }, () => `${id} is already ${status}`);
      return exitCodes.ok;
    }
    const question = isBare ? questions[action] : undefined;
    if (question !== undefined && !(await confirm(context, `${id} ${question}`))) {
      context.output.message('nothing was done');
      return exitCodes.failure;
    }
    await askAbout(connection, address, `supervisor.${action}`, { id, by: callerName() }).catch((error: unknown) => {
      if (!tookTheBusAway(id, action, error)) throw error;
    });
    context.output.result({ id, action, done: true }, () =>
      outcomes[action](id, commandFor(context, connection.dir, ['start', id])),
    );
    return exitCodes.ok;
  };

/** What would end the whole cluster, one command alone may do. @throws UsageError, ServerNeededError */
const refuseWhole = (id: string, action: ControlAction): void => {
  if (id === 'host')
    throw new UsageError(`'host' is the whole cluster: stop it with ${commandText(['down'])}, start it with up`);
  if (locksOut(`supervisor.${action}`, id)) throw new ServerNeededError(id);
};

/** The unit as its supervisor sees it. @throws UnknownIdError naming those there are */
const unitOf = async (connection: OperatorConnection, address: Address): Promise<TreeNode> => {
  const tree = await askAbout(connection, address, 'supervisor.tree', {});
  const unit = findUnit(tree, address.id);
  if (unit !== undefined) return unit;
  throw new UnknownIdError(
    address.id,
    unitsOf(tree)
      .slice(1)
      .map(({ id }) => id),
  );
};

/** Whoever takes the server away loses the answer with it. */
const tookTheBusAway = (id: string, action: ControlAction, error: unknown): boolean =>
  id === natsUnitName && action !== 'start' && error instanceof BusUnavailableError;
