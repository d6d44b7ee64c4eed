/**
 * What stands between the carrier and the handlers. A flood must not starve the timers that heartbeats and elections live
 * on: after a burst the rest waits its turn. A consumer that stays behind loses the newest, is told so, and stays up.
 */
import type { BusClock } from './ports.ts';
import type { Frame, FrameHandler } from './transport.ts';

/** Messages handled before timers get a turn: about 5 ms of work. */
export const burstMax = 1_024;
/** Messages waiting by default; more than seconds of work is not worth having late. */
export const inboundPendingMax = 65_536;

interface Waiting {
  readonly handler: FrameHandler;
  readonly frame: Frame;
}

export interface InboundOptions {
  readonly clock: BusClock;
  readonly pendingMax: number;
  /** Once a burst: the queue is full and messages are being dropped. */
  readonly onSlow: (pending: number) => void;
  readonly onDropped: (frame: Frame) => void;
}

export class Inbound {
  readonly #options: InboundOptions;
  /** Consumed from `#head`; compacted now and then, because `shift` is linear. */
  #waiting: Waiting[] = [];
  #head = 0;
  #handled = 0;
  #turn: object | undefined;
  #slow = false;
  #onIdle: (() => void)[] = [];

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  push(handler: FrameHandler, frame: Frame): void {
    if (this.#head === this.#waiting.length && this.#handled < burstMax) {
      this.#handled++;
      // Half a burst without a turn of the event loop may become a whole one; a quiet bus never needs the timer.
      if (this.#handled >= burstMax / 2) this.#awaitTurn();
      handler(frame);
      return;
    }
    const pending = this.#waiting.length - this.#head;
    if (pending >= this.#options.pendingMax) this.#drop(frame, pending);
    else this.#waiting.push({ handler, frame });
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    if (this.#head === this.#waiting.length) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Forgets what waits. */
  close(): void {
    if (this.#turn !== undefined) this.#options.clock.cancel(this.#turn);
    this.#turn = undefined;
    this.#waiting = [];
    this.#head = 0;
    this.#resolveIdle();
  }

  #drop(frame: Frame, pending: number): void {
    this.#options.onDropped(frame);
    if (this.#slow) return;
    this.#slow = true;
    this.#options.onSlow(pending);
  }

  #awaitTurn(): void {
    this.#turn ??= this.#options.clock.after(0, () => {
      this.#turn = undefined;
      this.#handled = 0;
      this.#work();
    });
  }

  #work(): void {
    const end = Math.min(this.#waiting.length, this.#head + burstMax);
    while (this.#head < end) {
      const next = this.#waiting[this.#head++];
      this.#handled++;
      next?.handler(next.frame);
    }
    const pending = this.#waiting.length - this.#head;
    if (pending <= this.#options.pendingMax / 2) this.#slow = false;
    if (pending > 0) {
      this.#compact();
      this.#awaitTurn();
      return;
    }
    this.#waiting = [];
    this.#head = 0;
    this.#resolveIdle();
  }

  #compact(): void {
    if (this.#head * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }

  #resolveIdle(): void {
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
