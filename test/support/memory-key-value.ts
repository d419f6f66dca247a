import type { KeyValue } from '../../src/lib/base/key-value.js';

/** A collection that lives in memory. Values are copied, as the store's are. */
export class MemoryKeyValue<Value> implements KeyValue<Value> {
  readonly #values = new Map<string, Value>();
  /** Writes so far, removals included. */
  writes = 0;
  /** When set, the next writes fail with it. */
  failure: Error | undefined;

  get(key: string): Value | undefined {
    return structuredClone(this.#values.get(key));
  }

  put(key: string, value: Value): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.writes++;
    this.#values.set(key, structuredClone(value));
    return Promise.resolve();
  }

  remove(key: string): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.writes++;
    this.#values.delete(key);
    return Promise.resolve();
  }

  entries(): Iterable<readonly [string, Value]> {
    return [...this.#values.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => [key, structuredClone(value)] as const);
  }
}
