interface Entry {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** A pending deadline. */
export interface Deadline {
  cancel(): void;
}

/** Cancelled entries that may lie in the heap before it is cleaned, beside as many live ones. */
const sweepAbove = 64;

/**
 * What is to happen later, without a clock of its own: whoever holds it asks when to come back. Entries due at the same
 * time run in the order they were set, so that equal inputs give equal runs.
 */
export class DeadlineQueue {
  #heap: Entry[] = [];
  #order = 0;
  #cancelled = 0;

  /** Pending deadlines. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** Runs `callback` once in the first {@link run} at or after `atMs`. */
  set(atMs: number, callback: () => void): Deadline {
    const entry: Entry = { atMs, order: this.#order++, callback };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return {
      cancel: () => {
        if (entry.callback === undefined) return;
        entry.callback = undefined;
        this.#cancelled++;
        if (this.#cancelled > sweepAbove && this.#cancelled * 2 > this.#heap.length) this.#sweep();
      },
    };
  }

  /** When {@link run} is next worth calling; Infinity while nothing is pending. */
  nextMs(): number {
    this.#dropCancelled();
    return this.#heap[0]?.atMs ?? Infinity;
  }

  /** Runs everything due, including what the callbacks set for `nowMs` or before. */
  run(nowMs: number): void {
    for (this.#dropCancelled(); this.#heap.length > 0 && this.#heap[0]!.atMs <= nowMs; this.#dropCancelled()) {
      const entry = this.#pop();
      const { callback } = entry;
      entry.callback = undefined;
      callback?.();
    }
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === undefined) {
      this.#pop();
      this.#cancelled--;
    }
  }

  #sweep(): void {
    this.#heap = this.#heap.filter((entry) => entry.callback !== undefined).sort((a, b) => (before(a, b) ? -1 : 1));
    this.#cancelled = 0;
  }

  #pop(): Entry {
    const first = this.#heap[0]!;
    const last = this.#heap.pop()!;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(start: number): void {
    const heap = this.#heap;
    for (let index = start; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (!before(heap[index]!, heap[parent]!)) return;
      [heap[index], heap[parent]] = [heap[parent]!, heap[index]!];
      index = parent;
    }
  }

  #sink(start: number): void {
    const heap = this.#heap;
    for (let index = start; ; ) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      if (least === index) return;
      [heap[index], heap[least]] = [heap[least]!, heap[index]!];
      index = least;
    }
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
