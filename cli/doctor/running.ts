/** Checks of a running cluster: does it answer, do its nodes agree, does its server enforce who may do what. */
import { deadline } from '../../actors/system/worldParts.ts';
import { type Bus, connectNats } from '../../bus/index.ts';
import { epochReplySchema } from '../../protocol/index.ts';
import { connectOperator, type OperatorConnection } from '../cluster.ts';
import type { Context } from '../context.ts';
import { agreementOf } from '../host/readiness.ts';
import { messageOf } from '../report.ts';
import { type CheckResult, fail, ok, warn } from './check.ts';

const askTimeoutMs = 1_500;
/** A server that refuses a publish says so within a round trip. */
const refusalMs = 1_000;
/** A subject that no operator may publish and nobody hears. */
const forbiddenTopic = 'doctor.probe';

export const runningChecks = async (context: Context): Promise<readonly CheckResult[]> => {
  let connection: OperatorConnection;
  try {
    connection = await connectOperator(context);
  } catch (error) {
    return [fail('NATS', messageOf(error))];
  }
  const { login } = connection;
  return [
    ok('NATS', `${login.server} accepts the operator`),
    await nodesCheck(connection),
    await permissionsCheck(context, connection.bus),
    await loginCheck(context, connection),
  ];
};

const nodesCheck = async ({ bus, nodes }: OperatorConnection): Promise<CheckResult> => {
  const asked = nodes.filter(({ role }) => role !== 'client').map(({ name }) => name);
  const replies = await Promise.all(
    asked.map(async (name) => {
      const reply = await bus.ask(name, 'epoch.get', {}, { timeoutMs: askTimeoutMs }).catch(() => undefined);
      return epochReplySchema.safeParse(reply).data;
    }),
  );
  const silent = asked.filter((_, i) => replies[i] === undefined);
  if (silent.length === asked.length) return fail('nodes', 'none answers');
  if (silent.length > 0) return warn('nodes', `${silent.join(', ')} ${silent.length === 1 ? 'does' : 'do'} not answer`);
  const agreement = agreementOf(replies);
  if (agreement === undefined) return warn('nodes', 'all answer, but they do not agree on an epoch (yet)');
  return ok('nodes', `all ${asked.length} agree on epoch ${agreement.epoch}; ${agreement.head} leads`);
};

/** Publishes what an operator may not: the server must say no. */
const permissionsCheck = async ({ clock }: Context, bus: Bus): Promise<CheckResult> => {
  const denied = new Promise<true>((resolve) => {
    bus.onStatus(({ type }) => {
      if (type === 'denied') resolve(true);
    });
  });
  try {
    await deadline(clock, refusalMs, async () => {
      bus.say(forbiddenTopic, {});
      await bus.flush();
      return denied;
    });
    return ok('permissions', 'the server refuses what an operator may not publish');
  } catch {
    return warn(
      'permissions',
      'the server enforces none: anybody with a login can speak for every node; run it with the generated nats.conf',
    );
  }
};

/** Connects without a key: the server must refuse. */
const loginCheck = async ({ clock, random }: Context, { cluster, login }: OperatorConnection): Promise<CheckResult> => {
  try {
    const stranger = await connectNats({
      servers: login.server,
      cluster,
      node: 'viewer',
      role: 'viewer',
      clock,
      random,
    });
    await stranger.drain();
    return warn('logins', 'the server lets strangers in without a key; run it with the generated nats.conf');
  } catch {
    return ok('logins', 'the server refuses who has no key');
  }
};
