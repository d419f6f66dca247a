/**
 * A durable collection of values under text keys, as the store offers it. Reads are synchronous from memory
 * mapping; values must be plain data (what MessagePack can carry).
 */
export interface KeyValue<Value> {
  get(key: string): Value | undefined;
  /** Resolves once the value is on disk. @throws MaculaError MACULA_STORE_FAILED */
  put(key: string, value: Value): Promise<void>;
  /** Resolves once the removal is on disk; removing what is absent is no error. @throws MaculaError MACULA_STORE_FAILED */
  remove(key: string): Promise<void>;
  /** All entries in key order, a snapshot. */
  entries(): Iterable<readonly [string, Value]>;
}
