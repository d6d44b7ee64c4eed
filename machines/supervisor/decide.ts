/**
 * Every strategy rule, as one pure function: `decide(state, input, moment) → [state, actions]`.
 *
 * An input first changes what is wanted (which children should run, which must come down first). Then `advance` takes
 * the next steps towards it: stop in reverse order, start in order, one child at a time, as OTP does. A failed restart
 * is an ordinary input, so a supervisor in a restart loop still answers and still stops (OTP `try_again_restart`).
 */
import {
  type ChildState,
  type ExitReason,
  isAbnormal,
  type Moment,
  type SupervisorAction,
  type SupervisorInput,
  type SupervisorPhase,
  type SupervisorRules,
  type SupervisorState,
} from './model.ts';

type Decision = readonly [SupervisorState, readonly SupervisorAction[]];

/** Beyond this, doubling a backoff cannot matter: 2^30 ms is twelve days. */
const DOUBLINGS_MAX = 30;

export const initialState = (rules: SupervisorRules): SupervisorState => ({
  rules,
  phase: 'starting',
  children: rules.children.map((child) => ({
    rules: child,
    status: 'down',
    incarnation: 0,
    restarts: 0,
    wanted: true,
    recycle: false,
    failures: 0,
    upSinceMs: undefined,
    lastExit: undefined,
  })),
  restartTimes: [],
  exit: undefined,
});

export const decide = (state: SupervisorState, input: SupervisorInput, moment: Moment): Decision => {
  if (state.phase === 'stopped') return [state, []];
  const [changed, first] = apply(state, input, moment);
  const [advanced, then] = advance(changed);
  return [{ ...advanced, phase: phaseOf(advanced) }, [...first, ...then]];
};

// ── What an input changes ───────────────────────────────────────────────────

const apply = (state: SupervisorState, input: SupervisorInput, moment: Moment): Decision => {
  switch (input.type) {
    case 'start':
      return [state, []];
    case 'shutdown':
      return [stopping(state, { type: 'shutdown' }), []];
    case 'child.started':
      return [
        ifCurrent(state, input, 'starting', (child) => ({ ...child, status: 'up', upSinceMs: moment.nowMs })),
        [],
      ];
    case 'child.exited':
      return exited(state, input.id, input.incarnation, input.reason, moment);
    case 'backoff.ended':
      return [ifCurrent(state, input, 'waiting', (child) => ({ ...child, status: 'down' })), []];
    case 'shutdown.overdue':
      return [state, isCurrent(state, input, 'stopping') ? [{ ...input, type: 'kill' }] : []];
    case 'command.start':
      return [update(state, input.id, wake), []];
    case 'command.stop':
      return [update(state, input.id, (child) => ({ ...settle(child), wanted: false })), []];
    case 'command.restart':
      return [update(state, input.id, (child) => ({ ...wake(child), recycle: isRunning(child) })), []];
  }
};

const exited = (
  state: SupervisorState,
  id: string,
  incarnation: number,
  reason: ExitReason,
  moment: Moment,
): Decision => {
  const child = state.children.find((one) => one.rules.id === id);
  if (child === undefined || child.incarnation !== incarnation || !isRunning(child)) return [state, []];
  const down: ChildState = { ...child, status: 'down', recycle: false, upSinceMs: undefined, lastExit: reason };
  const next = put(state, down);
  if (child.status === 'stopping' || child.recycle || state.phase === 'stopping')
    return [next, unexpected(down, reason)];
  if (isFailedStart(state, child, reason)) return failedStart(next, id, reason);
  if (needsRestart(child, reason)) return restart(next, child, reason, moment);
  return [put(state, { ...down, wanted: false }), [{ type: 'report', id, reason, next: 'stay down' }]];
};

/** A child that was to go anyway and went in another way than asked, is worth a line. */
const unexpected = ({ rules, wanted }: ChildState, reason: ExitReason): readonly SupervisorAction[] => {
  const asked = rules.shutdown === 'kill' && reason.type === 'killed';
  if (asked || !isAbnormal(reason)) return [];
  return [{ type: 'report', id: rules.id, reason, next: wanted ? 'restart' : 'stay down' }];
};

/** The first start of a child in the first round. One that ended at once because it was done has started well. */
const isFailedStart = (state: SupervisorState, child: ChildState, reason: ExitReason): boolean =>
  state.phase === 'starting' &&
  child.status === 'starting' &&
  child.wanted &&
  child.restarts === 0 &&
  reason.type !== 'normal';

/** OTP: a static child that fails to start ends its supervisor; those already up are stopped in reverse. */
const failedStart = (state: SupervisorState, id: string, reason: ExitReason): Decision => [
  stopping(state, reason),
  [{ type: 'report', id, reason, next: 'give up' }],
];

/** Each attempt costs one of the budget, a failed one too. `child` is as it was when it ended. */
const restart = (state: SupervisorState, child: ChildState, reason: ExitReason, moment: Moment): Decision => {
  const { intensity, periodMs } = state.rules;
  const { id } = child.rules;
  const restartTimes = [...state.restartTimes.filter((at) => at >= moment.nowMs - periodMs), moment.nowMs];
  if (restartTimes.length > intensity) {
    const report: SupervisorAction = { type: 'report', id, reason, next: 'give up' };
    return [stopping({ ...state, restartTimes }, { type: 'shutdown' }), [report]];
  }
  const failures = ranLong(child, moment) ? 1 : child.failures + 1;
  const delayMs = backoffMs({ ...child, failures }, moment.fraction);
  // A start that failed is never tried again within the same turn: whoever wants to stop the loop must get a word in.
  const waits = delayMs > 0 || child.status === 'starting';
  const change = { failures, restarts: child.restarts + 1, status: waits ? 'waiting' : 'down' } as const;
  const counted = update({ ...state, restartTimes }, id, (down) => ({ ...down, ...change }));
  const grouped = { ...counted, children: counted.children.map(inGroupOf(state, id)) };
  const report: SupervisorAction = { type: 'report', id, reason, next: 'restart' };
  const wait: SupervisorAction = { type: 'waitBackoff', id, incarnation: child.incarnation, delayMs };
  return [grouped, waits ? [report, wait] : [report]];
};

const ranLong = ({ upSinceMs, rules }: ChildState, { nowMs }: Moment): boolean =>
  upSinceMs !== undefined && nowMs - upSinceMs >= rules.backoff.resetAfterMs;

/** The members of a group restart: all, or those started after the one that failed. Temporary ones do not come back. */
const inGroupOf = (state: SupervisorState, id: string) => {
  const failed = state.children.findIndex((child) => child.rules.id === id);
  const { strategy } = state.rules;
  return (child: ChildState, index: number): ChildState => {
    const member = index !== failed && (strategy === 'one_for_all' || (strategy === 'rest_for_one' && index > failed));
    if (!member || !isRunning(child)) return child;
    return { ...child, recycle: true, wanted: child.wanted && child.rules.restart !== 'temporary' };
  };
};

const backoffMs = (child: ChildState, fraction: number): number => {
  const { minMs, maxMs, jitter } = child.rules.backoff;
  const base = Math.min(maxMs, minMs * 2 ** Math.min(child.failures - 1, DOUBLINGS_MAX));
  return base * (1 - jitter * fraction);
};

const needsRestart = (child: ChildState, reason: ExitReason): boolean =>
  child.wanted && (child.rules.restart === 'permanent' || (child.rules.restart === 'transient' && isAbnormal(reason)));

const stopping = (state: SupervisorState, exit: ExitReason): SupervisorState => ({
  ...state,
  phase: 'stopping',
  exit: state.exit ?? exit,
  children: state.children.map((child) => ({ ...settle(child), wanted: false })),
});

// ── The next steps towards what is wanted ───────────────────────────────────

const advance = (state: SupervisorState): Decision => {
  if (state.children.some((child) => child.status === 'stopping')) return [state, []];
  const leaving = state.children.findLast((child) => isRunning(child) && (child.recycle || !child.wanted));
  if (leaving !== undefined) return stop(state, leaving);
  if (state.phase === 'stopping') {
    return [{ ...state, phase: 'stopped' }, [{ type: 'exit', reason: state.exit ?? { type: 'shutdown' } }]];
  }
  if (state.children.some((child) => child.status === 'starting')) return [state, []];
  const next = firstToStart(state);
  return next === undefined ? [state, []] : start(state, next);
};

const phaseOf = ({ phase, children }: SupervisorState): SupervisorPhase => {
  if (phase === 'stopping' || phase === 'stopped') return phase;
  if (children.every(isSettled)) return 'running';
  return phase === 'starting' ? 'starting' : 'restarting';
};

const isSettled = ({ status, wanted, recycle }: ChildState): boolean =>
  wanted ? status === 'up' && !recycle : status === 'down';

/** In a group, nobody overtakes a member that still waits for its backoff. */
const firstToStart = (state: SupervisorState): ChildState | undefined => {
  const blocked = state.children.findIndex((child) => child.status === 'waiting');
  return state.children.find((child, index) => {
    const overtakes = blocked !== -1 && state.rules.strategy !== 'one_for_one' && index > blocked;
    return child.wanted && child.status === 'down' && !overtakes;
  });
};

const start = (state: SupervisorState, child: ChildState): Decision => {
  const incarnation = child.incarnation + 1;
  return [
    put(state, { ...child, status: 'starting', incarnation }),
    [{ type: 'start', id: child.rules.id, incarnation }],
  ];
};

const stop = (state: SupervisorState, child: ChildState): Decision => {
  const { id, shutdown } = child.rules;
  const { incarnation } = child;
  const next = put(state, { ...child, status: 'stopping' });
  if (shutdown === 'kill') return [next, [{ type: 'kill', id, incarnation }]];
  const deadlineMs = shutdown === 'infinity' ? undefined : shutdown;
  return [next, [{ type: 'stop', id, incarnation, deadlineMs }]];
};

// ── Small helpers ───────────────────────────────────────────────────────────

const isRunning = (child: ChildState): boolean =>
  child.status === 'up' || child.status === 'starting' || child.status === 'stopping';

/** A child that waits for its backoff no longer does. */
const settle = (child: ChildState): ChildState => (child.status === 'waiting' ? { ...child, status: 'down' } : child);

const wake = (child: ChildState): ChildState => ({ ...settle(child), wanted: true, failures: 0 });

const put = (state: SupervisorState, child: ChildState): SupervisorState => ({
  ...state,
  children: state.children.map((one) => (one.rules.id === child.rules.id ? child : one)),
});

const update = (state: SupervisorState, id: string, change: (child: ChildState) => ChildState): SupervisorState =>
  state.phase === 'stopping'
    ? state
    : { ...state, children: state.children.map((child) => (child.rules.id === id ? change(child) : child)) };

type Named = { readonly id: string; readonly incarnation: number };

const isCurrent = (state: SupervisorState, { id, incarnation }: Named, status: ChildState['status']): boolean =>
  state.children.some((child) => child.rules.id === id && child.incarnation === incarnation && child.status === status);

const ifCurrent = (
  state: SupervisorState,
  named: Named,
  status: ChildState['status'],
  change: (child: ChildState) => ChildState,
): SupervisorState =>
  isCurrent(state, named, status)
    ? { ...state, children: state.children.map((child) => (child.rules.id === named.id ? change(child) : child)) }
    : state;
