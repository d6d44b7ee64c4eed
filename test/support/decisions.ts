/** A group of children whose fates a test decides, for the pure rules of supervision; actions are told as text. */
import {
  type ChildRules,
  decide,
  initialState,
  type SupervisorAction,
  type SupervisorInput,
  type SupervisorRules,
  type SupervisorState,
} from '../../machines/index.ts';

export const crash = { type: 'error', code: 'CRASH', message: 'boom' } as const;
export const normal = { type: 'normal' } as const;
export const shutdown = { type: 'shutdown' } as const;
export const killed = { type: 'killed', signal: 'SIGKILL' } as const;

export const atOnce = { minMs: 0, maxMs: 0, jitter: 0, resetAfterMs: 1_000 };
export const child = (id: string, rules: Partial<ChildRules> = {}): ChildRules => ({
  id,
  restart: 'permanent',
  shutdown: 5_000,
  backoff: atOnce,
  ...rules,
});

const describeAction = (action: SupervisorAction): string => {
  switch (action.type) {
    case 'start':
      return `start ${action.id}#${action.incarnation}`;
    case 'stop':
      return `stop ${action.id}`;
    case 'kill':
      return `kill ${action.id}`;
    case 'waitBackoff':
      return `wait ${action.id} ${action.delayMs}`;
    case 'report':
      return `report ${action.id} ${action.next}`;
    case 'exit':
      return `exit ${action.reason.type}`;
  }
};

/** A group of children whose fates the test decides; actions are told as text, in order. */
export class Group {
  state: SupervisorState;
  nowMs = 0;
  fraction = 0;
  actions: SupervisorAction[] = [];

  constructor(children: readonly ChildRules[], rules: Partial<SupervisorRules> = {}) {
    this.state = initialState({ strategy: 'one_for_one', intensity: 10, periodMs: 1_000, children, ...rules });
  }

  input(input: SupervisorInput): string[] {
    const [state, actions] = decide(this.state, input, { nowMs: this.nowMs, fraction: this.fraction });
    this.state = state;
    this.actions.push(...actions);
    return actions.map(describeAction);
  }

  /** Starts the group; every child comes up. */
  up(): this {
    this.input({ type: 'start' });
    for (const { id } of this.state.rules.children) this.started(id);
    this.actions = [];
    return this;
  }

  started(id: string): string[] {
    return this.input({ type: 'child.started', id, incarnation: this.child(id).incarnation });
  }

  exited(id: string, reason: (SupervisorInput & { type: 'child.exited' })['reason'] = crash): string[] {
    return this.input({ type: 'child.exited', id, incarnation: this.child(id).incarnation, reason });
  }

  backoffEnded(id: string): string[] {
    return this.input({ type: 'backoff.ended', id, incarnation: this.child(id).incarnation });
  }

  command(type: 'start' | 'stop' | 'restart', id: string): string[] {
    return this.input({ type: `command.${type}`, id });
  }

  child(id: string) {
    const found = this.state.children.find((one) => one.rules.id === id);
    if (found === undefined) throw new Error(`no child ${id}`);
    return found;
  }
}

export const group = (ids: string, rules: Partial<SupervisorRules> = {}, each: Partial<ChildRules> = {}) =>
  new Group(
    [...ids].map((id) => child(id, each)),
    rules,
  );
