/** A request that waits for its reply. */
export interface PendingEntry {
  /** Clock.nowMs() at which it has waited too long. */
  readonly deadlineMs: number;
}

/**
 * Deadlines are looked at no more often than this, so that thousands of requests with deadlines close together
 * cost one pass, not one each.
 */
export const expiryGranularityMs = 10;

const idBound = 2 ** 32;

/**
 * Requests of one session by correlation id, each in until it is taken by reply, cancellation, expiry or the end
 * of the session. Deadlines are kept without order: one pass finds what expired and when to look again, and a
 * request that is answered in time costs nothing for having had one.
 */
export class RequestTableCore<Entry extends PendingEntry> {
  readonly #entries = new Map<number, Entry>();
  #nextId = 0;
  #checkAtMs = Infinity;

  get size(): number {
    return this.#entries.size;
  }

  /** When {@link expire} must next be called; Infinity while nothing waits. May be earlier than any deadline. */
  get checkAtMs(): number {
    return this.#entries.size === 0 ? Infinity : this.#checkAtMs;
  }

  /** An id not in use. Ids count up and wrap around at 2^32. */
  nextId(): number {
    let id = this.#nextId;
    while (this.#entries.has(id)) id = (id + 1) % idBound;
    this.#nextId = (id + 1) % idBound;
    return id;
  }

  /** Enters a request. Returns whether {@link checkAtMs} moved to an earlier time. */
  add(id: number, entry: Entry): boolean {
    if (this.#entries.size === 0) this.#checkAtMs = Infinity;
    this.#entries.set(id, entry);
    if (entry.deadlineMs >= this.#checkAtMs) return false;
    this.#checkAtMs = entry.deadlineMs;
    return true;
  }

  /** Removes and returns the request with that id, if it still waits. */
  take(id: number): Entry | undefined {
    const entry = this.#entries.get(id);
    if (entry) this.#entries.delete(id);
    return entry;
  }

  /** Removes and returns what has waited too long. */
  expire(nowMs: number): [id: number, entry: Entry][] {
    const expired: [number, Entry][] = [];
    let earliestMs = Infinity;
    for (const pair of this.#entries) {
      if (pair[1].deadlineMs <= nowMs) expired.push(pair);
      else if (pair[1].deadlineMs < earliestMs) earliestMs = pair[1].deadlineMs;
    }
    for (const [id] of expired) this.#entries.delete(id);
    this.#checkAtMs = earliestMs === Infinity ? Infinity : Math.max(earliestMs, nowMs + expiryGranularityMs);
    return expired;
  }

  /** Removes and returns everything. */
  takeAll(): Entry[] {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    return entries;
  }
}
