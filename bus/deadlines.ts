/**
 * Deadlines without a timer each: asks of one length end in the order they began, so a queue per length with one timer
 * for its head is exact, and an answered ask leaves in O(1). Under load a timer an ask cost more than the ask itself.
 */
import type { BusClock } from './ports.ts';

/** What can wait in a `Deadlines`; the links belong to it. */
export interface Waiting {
  readonly timeoutMs: number;
  deadline: number;
  previous: Waiting | undefined;
  next: Waiting | undefined;
  expire(): void;
}

interface Queue {
  head: Waiting | undefined;
  tail: Waiting | undefined;
  timer: object | undefined;
}

export class Deadlines {
  readonly #clock: BusClock;
  readonly #queues = new Map<number, Queue>();

  constructor(clock: BusClock) {
    this.#clock = clock;
  }

  add(waiting: Waiting): void {
    const now = this.#clock.elapsed();
    waiting.deadline = now + waiting.timeoutMs;
    const queue = this.#queue(waiting.timeoutMs);
    waiting.previous = queue.tail;
    if (queue.tail === undefined) queue.head = waiting;
    else queue.tail.next = waiting;
    queue.tail = waiting;
    if (queue.timer === undefined) this.#arm(queue, waiting.timeoutMs, waiting.timeoutMs);
  }

  remove(waiting: Waiting): void {
    const queue = this.#queues.get(waiting.timeoutMs);
    if (queue === undefined) return;
    if (waiting.previous === undefined) queue.head = waiting.next;
    else waiting.previous.next = waiting.next;
    if (waiting.next === undefined) queue.tail = waiting.previous;
    else waiting.next.previous = waiting.previous;
    waiting.previous = undefined;
    waiting.next = undefined;
  }

  /** Cancels every timer; nothing expires any more. */
  clear(): void {
    for (const queue of this.#queues.values()) {
      if (queue.timer !== undefined) this.#clock.cancel(queue.timer);
    }
    this.#queues.clear();
  }

  #queue(timeoutMs: number): Queue {
    let queue = this.#queues.get(timeoutMs);
    if (queue === undefined) {
      queue = { head: undefined, tail: undefined, timer: undefined };
      this.#queues.set(timeoutMs, queue);
    }
    return queue;
  }

  #arm(queue: Queue, timeoutMs: number, delayMs: number): void {
    queue.timer = this.#clock.after(delayMs, () => {
      queue.timer = undefined;
      this.#expire(queue, timeoutMs);
    });
  }

  #expire(queue: Queue, timeoutMs: number): void {
    const now = this.#clock.elapsed();
    for (let head = queue.head; head !== undefined && head.deadline <= now; head = queue.head) {
      this.remove(head);
      head.expire();
    }
    // An empty queue keeps no timer and no entry: lengths are the callers' choice and must not pile up.
    if (queue.head === undefined) this.#queues.delete(timeoutMs);
    else if (queue.timer === undefined) this.#arm(queue, timeoutMs, Math.max(0, queue.head.deadline - now));
  }
}
