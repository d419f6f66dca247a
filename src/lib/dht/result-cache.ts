interface Cached<Value> {
  readonly value: Value;
  readonly expiresMs: number;
}

/** Results by key, the least recently used forgotten first, each for a time of its own. */
export class ResultCache<Value> {
  readonly #maxEntries: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Cached<Value>>();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, nowMs: number): Value | undefined {
    const cached = this.#entries.get(key);
    if (!cached) return undefined;
    this.#entries.delete(key);
    if (cached.expiresMs <= nowMs) return undefined;
    this.#entries.set(key, cached);
    return cached.value;
  }

  /** @param expiresMs Clock.nowMs() from which on it is no longer served */
  set(key: string, value: Value, expiresMs: number): void {
    this.#entries.delete(key);
    if (this.#maxEntries === 0) return;
    this.#entries.set(key, { value, expiresMs });
    if (this.#entries.size <= this.#maxEntries) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets every result for which `test` holds. */
  deleteWhere(test: (value: Value) => boolean): void {
    for (const [key, { value }] of this.#entries) if (test(value)) this.#entries.delete(key);
  }
}
