import type { Clock, Timer } from '../../src/lib/base/clock.js';

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Real turns of the event loop that {@link settle} waits: enough for promise chains that hop through setImmediate. */
const settleTurns = 4;

/** Lets pending promises, microtasks and setImmediate callbacks run, without any time passing. */
export async function settle(turns = settleTurns): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock that stands still until it is told to advance. Timers due at the same time run in the order they were set. */
export class VirtualClock implements Clock {
  readonly #heap: Entry[] = [];
  readonly #wallStartMs: number;
  #nowMs = 0;
  #order = 0;
  #live = 0;

  /** @param wallStartMs wall clock at virtual time 0 */
  constructor(wallStartMs = Date.UTC(2026, 0, 1)) {
    this.#wallStartMs = wallStartMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** Timers set and neither run nor cancelled. */
  get pendingTimers(): number {
    return this.#live;
  }

  /** When the next timer is due, or undefined. */
  get nextDueMs(): number | undefined {
    return this.#peek()?.dueMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const entry: Entry = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#push(entry);
    this.#live++;
    return {
      cancel: () => {
        if (!entry.callback) return;
        entry.callback = undefined;
        this.#live--;
      },
    };
  }

  /** Moves time forward and runs what falls due, in order; promises do not settle in between. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#runNext(untilMs));
    this.#nowMs = untilMs;
  }

  /** As {@link advance}, but promises and setImmediate callbacks settle before, between and after timers. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (this.#runNext(untilMs)) await settle();
    this.#nowMs = untilMs;
    await settle();
  }

  /** Advances from timer to timer until `done` holds. @throws Error when it does not within `limitMs` */
  async advanceUntil(done: () => boolean, limitMs = 60_000): Promise<void> {
    const untilMs = this.#nowMs + limitMs;
    await settle();
    while (!done()) {
      if (!this.#runNext(untilMs)) throw new Error(`not so within ${limitMs} ms of virtual time`);
      await settle();
    }
  }

  #runNext(untilMs: number): boolean {
    const next = this.#peek();
    if (!next || next.dueMs > untilMs) return false;
    this.#pop();
    this.#nowMs = Math.max(this.#nowMs, next.dueMs);
    const callback = next.callback!;
    next.callback = undefined;
    this.#live--;
    callback();
    return true;
  }

  /** The earliest entry that was not cancelled. */
  #peek(): Entry | undefined {
    while (this.#heap.length > 0 && !this.#heap[0]!.callback) this.#pop();
    return this.#heap[0];
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(entry, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let index = 0;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
  }
}

function before(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
