/**
 * What stands between the carrier and the handlers. A flood must not starve the timers that heartbeats and elections live
 * on: when timers are overdue the rest waits its turn. A consumer that stays behind loses the newest, is told so, and stays up.
 */
import type { BusClock } from './ports.ts';
import type { Frame, FrameHandler } from './transport.ts';

/** How late timers may get before messages have to wait: far below the shortest interval anything here beats at. */
export const turnMaxMs = 40;
/** Messages between two looks at the clock: a power of two, few enough for handlers that take 100 µs. */
const lookEvery = 64;
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
  /** Fires as soon as the event loop gives timers a turn; while it is overdue, messages wait. */
  #turn: object | undefined;
  #turnAskedMs = 0;
  #overdue = false;
  #slow = false;
  #onIdle: (() => void)[] = [];

  constructor(options: InboundOptions) {
    this.#options = options;
  }

  push(handler: FrameHandler, frame: Frame): void {
    if (!this.#overdue) {
      if (++this.#handled % lookEvery === 0) this.#look();
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
    this.#overdue = false;
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

  #look(): void {
    if (this.#turn === undefined) this.#askTurn();
    else if (this.#isOverdue()) this.#overdue = true;
  }

  #isOverdue(): boolean {
    return this.#options.clock.elapsed() - this.#turnAskedMs > turnMaxMs;
  }

  #askTurn(): void {
    const { clock } = this.#options;
    this.#turnAskedMs = clock.elapsed();
    this.#turn = clock.after(0, () => {
      this.#turn = undefined;
      if (this.#head === this.#waiting.length) this.#overdue = false;
      else this.#work();
    });
  }

  /** Works off what waits for as long as a turn may take; the next turn is asked for first, to be due when this one ends. */
  #work(): void {
    this.#askTurn();
    for (let count = 1; this.#head < this.#waiting.length; count++) {
      const next = this.#waiting[this.#head++];
      next?.handler(next.frame);
      if (count % lookEvery === 0 && this.#isOverdue()) break;
    }
    const pending = this.#waiting.length - this.#head;
    if (pending <= this.#options.pendingMax / 2) this.#slow = false;
    if (pending > 0) {
      this.#compact();
      return;
    }
    this.#waiting = [];
    this.#head = 0;
    this.#overdue = false;
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
