/**
 * Timers in the order they are due, first in first out among equals: a binary heap whose entries know their place, so
 * that cancelling costs O(log n) and leaves nothing behind. Used by the virtual clock.
 */

export interface QueuedTimer {
  /** When it is due, on whatever time line the queue is used for. */
  readonly dueMs: number;
  /** Breaks ties: lower was scheduled earlier. */
  readonly order: number;
  /** Place in the heap, -1 when not queued. Written by the queue alone. */
  place: number;
}

const isBefore = (a: QueuedTimer, b: QueuedTimer): boolean =>
  a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);

export class TimerQueue<T extends QueuedTimer> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): T | undefined {
    return this.#heap[0];
  }

  add(timer: T): void {
    this.#heap.push(timer);
    this.#rise(timer, this.#heap.length - 1);
  }

  /** Takes the next timer out. */
  shift(): T | undefined {
    const first = this.#heap[0];
    if (first) this.remove(first);
    return first;
  }

  /** Does nothing when `timer` is not queued. */
  remove(timer: T): void {
    const { place } = timer;
    if (place < 0) return;
    timer.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === timer) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  /** Takes out every timer that `matches`. */
  removeWhere(matches: (timer: T) => boolean): void {
    for (const timer of this.#heap.filter(matches)) this.remove(timer);
  }

  #put(timer: T, place: number): void {
    this.#heap[place] = timer;
    timer.place = place;
  }

  #rise(timer: T, from: number): void {
    let place = from;
    while (place > 0) {
      const parentPlace = (place - 1) >> 1;
      const parent = this.#heap[parentPlace];
      if (parent === undefined || !isBefore(timer, parent)) break;
      this.#put(parent, place);
      place = parentPlace;
    }
    this.#put(timer, place);
  }

  #sink(timer: T, from: number): void {
    let place = from;
    for (;;) {
      const childPlace = this.#firstChild(place);
      const child = this.#heap[childPlace];
      if (child === undefined || !isBefore(child, timer)) break;
      this.#put(child, place);
      place = childPlace;
    }
    this.#put(timer, place);
  }

  #firstChild(place: number): number {
    const leftPlace = 2 * place + 1;
    const left = this.#heap[leftPlace];
    const right = this.#heap[leftPlace + 1];
    return left !== undefined && right !== undefined && isBefore(right, left) ? leftPlace + 1 : leftPlace;
  }
}
