/** `isochron restart|stop|start|kill <id>`: steers a unit through its supervisor. Audited, so the caller says who it is. */

import { BusUnavailableError } from '../../bus/index.ts';
import type { Arguments } from '../arguments.ts';
import { callerName, connectOperator } from '../cluster.ts';
import { confirm } from '../confirm.ts';
import type { Context } from '../context.ts';
import { type ExitCode, exitCodes } from '../exitCodes.ts';
import { natsUnitName } from '../host/natsProgram.ts';
import { addressOf, askAbout } from '../ids.ts';

export type ControlAction = 'restart' | 'stop' | 'start' | 'kill';

/** What happens now that the verb is answered: supervisors act after that. */
const outcomes: Readonly<Record<ControlAction, (id: string) => string>> = {
  restart: (id) => `${id} is being restarted`,
  stop: (id) => `${id} is being stopped; it stays stopped until: isochron start ${id}`,
  start: (id) => `${id} is being started`,
  kill: (id) => `${id} was killed; its supervisor restarts it`,
};

/** What is asked before a whole node is taken away. */
const questions: { readonly [A in ControlAction]?: string } = {
  stop: 'stops with all its actors and stays stopped. Stop it?',
  kill: 'loses everything it has not written down, as in a power cut. Kill it?',
};

export const control =
  (action: ControlAction) =>
  async (context: Context, args: Arguments): Promise<ExitCode | undefined> => {
    const address = addressOf(args.required('id'));
    const { id, isBare } = address;
    const question = isBare ? questions[action] : undefined;
    if (question !== undefined && !(await confirm(context, `${id} ${question}`))) {
      context.output.message('nothing was done');
      return exitCodes.failure;
    }
    const connection = await connectOperator(context);
    await askAbout(connection, address, `supervisor.${action}`, { id, by: callerName() }).catch((error: unknown) => {
      if (!tookTheBusAway(id, action, error)) throw error;
    });
    context.output.result({ id, action, done: true }, () => outcomes[action](id));
    return exitCodes.ok;
  };

/** Whoever takes the server away loses the answer with it. */
const tookTheBusAway = (id: string, action: ControlAction, error: unknown): boolean =>
  id === natsUnitName && action !== 'start' && error instanceof BusUnavailableError;
