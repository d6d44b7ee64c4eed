/** Errors of the runtime: one class per distinct reaction. */
import { describeExit, type ExitReason } from '../../machines/index.ts';
import { IsochronError } from '../../protocol/index.ts';

/** An actor or a child specification is wrong: a bug, found before anything starts. */
export class DefinitionError extends IsochronError {
  constructor(actor: string, field: string, message: string) {
    super('DEFINITION_INVALID', 500, `${actor}: ${field} ${message}`, { details: { actor, field } });
  }
}

/** No unit of that id in this tree. */
export class UnitNotFoundError extends IsochronError {
  constructor(id: string) {
    super('NOT_FOUND', 404, `no unit '${id}'`, { details: { id } });
  }
}

/** The id names another node: ask that one. */
export class WrongNodeError extends IsochronError {
  constructor(id: string, node: string) {
    super('WRONG_NODE', 421, `'${id}' is not on node '${node}'`, { details: { id, node } });
  }
}

/** An event that nobody may send from outside. */
export class NotOperableError extends IsochronError {
  constructor(id: string, event: string, operable: readonly string[]) {
    const which = operable.length > 0 ? `only ${operable.join(', ')}` : 'none';
    super('NOT_OPERABLE', 403, `'${event}' cannot be sent to '${id}': ${which}`, { details: { id, event, operable } });
  }
}

/** The unit cannot take that command in its present state. */
export class UnitStateError extends IsochronError {
  constructor(id: string, message: string) {
    super('UNIT_STATE', 409, `'${id}' ${message}`, { details: { id } });
  }
}

/** The tree ended before every child was up: a child would not start, or the start was interrupted. */
export class StartFailedError extends IsochronError {
  readonly reason: ExitReason;

  constructor(reason: ExitReason) {
    const text = describeExit(reason);
    super('START_FAILED', 503, `the tree ended while it was starting: ${text}`, { details: { reason: text } });
    this.reason = reason;
  }
}
