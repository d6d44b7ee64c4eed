/**
 * The vocabulary of supervision (OTP `supervisor`, adapted): child specifications, exit reasons, what happens to a
 * supervisor and what it then does. Values only, so that `decide` stays a pure function of them.
 */

/** Why a unit ended; one union for every isolation, because restart types depend on it. */
export type ExitReason =
  | { readonly type: 'normal' }
  | { readonly type: 'shutdown' }
  | { readonly type: 'killed'; readonly signal: string }
  | { readonly type: 'error'; readonly code: string; readonly message: string }
  | { readonly type: 'timeout'; readonly waitedMs: number }
  | { readonly type: 'hung' }
  | { readonly type: 'outOfMemory' };

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one';
/** permanent: always restarted; transient: only after an abnormal exit; temporary: never. */
export type Restart = 'permanent' | 'transient' | 'temporary';
/** How long a polite stop may take before the unit is killed. */
export type Shutdown = 'kill' | 'infinity' | number;

export interface Backoff {
  /** Delay before the first restart; doubles with every further failure. 0 = at once. */
  readonly minMs: number;
  readonly maxMs: number;
  /** Part of the delay that is random, 0 … 1, so that many failures do not restart in step. */
  readonly jitter: number;
  /** A child that ran this long starts again from `minMs`. */
  readonly resetAfterMs: number;
}

export interface ChildRules {
  readonly id: string;
  readonly restart: Restart;
  readonly shutdown: Shutdown;
  readonly backoff: Backoff;
}

export interface SupervisorRules {
  readonly strategy: Strategy;
  /** More than `intensity` restarts within `periodMs` and the supervisor gives up (OTP: sliding window, inclusive edge). */
  readonly intensity: number;
  readonly periodMs: number;
  readonly children: readonly ChildRules[];
}

/** down: not running; starting, up, stopping: as named; waiting: will be started when its backoff ends. */
export type ChildStatus = 'down' | 'starting' | 'up' | 'stopping' | 'waiting';

export interface ChildState {
  readonly rules: ChildRules;
  readonly status: ChildStatus;
  /** Counts starts; an exit that names an older incarnation is ignored. */
  readonly incarnation: number;
  readonly restarts: number;
  /** Whether it should run: false once it ended for good or was stopped by command. */
  readonly wanted: boolean;
  /** Must come down before it may come up: part of a group restart or a restart command. */
  readonly recycle: boolean;
  /** Consecutive failures, for backoff. */
  readonly failures: number;
  /** Monotonic time of its last `child.started`; undefined unless it is up. */
  readonly upSinceMs: number | undefined;
  readonly lastExit: ExitReason | undefined;
}

/** The phases of `supervisorMachine`. */
export type SupervisorPhase = 'starting' | 'running' | 'restarting' | 'stopping' | 'stopped';

export interface SupervisorState {
  readonly rules: SupervisorRules;
  readonly phase: SupervisorPhase;
  readonly children: readonly ChildState[];
  /** Times of restarts within the period. */
  readonly restartTimes: readonly number[];
  /** Why the supervisor itself ends; set when it begins to stop. */
  readonly exit: ExitReason | undefined;
}

/** What happens to a supervisor. */
export type SupervisorInput =
  | { readonly type: 'start' }
  | { readonly type: 'child.started'; readonly id: string; readonly incarnation: number }
  | { readonly type: 'child.exited'; readonly id: string; readonly incarnation: number; readonly reason: ExitReason }
  | { readonly type: 'backoff.ended'; readonly id: string; readonly incarnation: number }
  | { readonly type: 'shutdown.overdue'; readonly id: string; readonly incarnation: number }
  | { readonly type: 'command.start'; readonly id: string }
  | { readonly type: 'command.stop'; readonly id: string }
  | { readonly type: 'command.restart'; readonly id: string }
  | { readonly type: 'shutdown' };

/** Time and chance at the moment of an input: `fraction` in [0, 1) spreads backoffs. */
export interface Moment {
  readonly nowMs: number;
  readonly fraction: number;
}

/** What a supervisor does; the runner carries each out with one exhaustive switch. */
export type SupervisorAction =
  | { readonly type: 'start'; readonly id: string; readonly incarnation: number }
  | {
      readonly type: 'stop';
      readonly id: string;
      readonly incarnation: number;
      readonly deadlineMs: number | undefined;
    }
  | { readonly type: 'kill'; readonly id: string; readonly incarnation: number }
  | { readonly type: 'waitBackoff'; readonly id: string; readonly incarnation: number; readonly delayMs: number }
  | {
      readonly type: 'report';
      readonly id: string;
      readonly reason: ExitReason;
      readonly next: 'restart' | 'stay down' | 'give up';
    }
  | { readonly type: 'exit'; readonly reason: ExitReason };

export const isAbnormal = (reason: ExitReason): boolean => reason.type !== 'normal' && reason.type !== 'shutdown';

/** One line for logs and trees. */
export const describeExit = (reason: ExitReason): string => {
  switch (reason.type) {
    case 'killed':
      return `killed(${reason.signal})`;
    case 'error':
      return `error(${reason.code}): ${reason.message}`;
    case 'timeout':
      return `timeout after ${reason.waitedMs} ms`;
    default:
      return reason.type;
  }
};
