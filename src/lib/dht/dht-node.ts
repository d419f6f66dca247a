import type { DhtContext } from './dht-context.js';
import type { DhtResult, StoreResult } from './dht-operations.js';
import type { Replica } from './replica.js';
import type { DecodedRecord, SignedRecord } from './record.js';
import type { ResultCache } from './result-cache.js';

/** The newest record known under a key. */
export interface CachedValue {
  /** Undefined: nothing there, or removed. */
  readonly record: SignedRecord | undefined;
  readonly sequence: number;
}

/** The providers found under a key. */
export type CachedProviders = readonly DecodedRecord[];

/** What operations work on beside requests and table. */
export interface DhtNode {
  readonly context: DhtContext;
  readonly replica: Replica;
  readonly values: ResultCache<CachedValue>;
  readonly providers: ResultCache<CachedProviders>;
}

/** An operation under way. */
export interface Running {
  /** Ends it; its `onFinished` is not called. */
  abort(): void;
}

/** Takes what an operation came to. */
export type Finish<Result extends DhtResult = DhtResult> = (result: Result) => void;
export type FinishStore = Finish<StoreResult>;
