import { LRUCache } from 'lru-cache';
import { addressPrefix } from '../base/address.js';
import { TokenBucket } from '../base/token-bucket.js';

/** Prefixes remembered: a flood from ever new ones costs under a megabyte, and the limit for all holds it back. */
const maxPrefixes = 4096;

/** How often networks may ask, each and all together. Source addresses may be forged: it bounds what is sent where, too. */
export class PrefixLimiter {
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: maxPrefixes });
  readonly #all: TokenBucket;
  readonly #perSecond: number;

  /** @param perSecond of one /24 or /48 @param allPerSecond of all */
  constructor(perSecond: number, allPerSecond: number) {
    this.#perSecond = perSecond;
    this.#all = new TokenBucket(allPerSecond, allPerSecond);
  }

  /** Whether one more from this host may pass. @param nowMs Clock.nowMs() */
  take(host: string, nowMs: number): boolean {
    const prefix = addressPrefix(host, 24, 48);
    let bucket = this.#buckets.get(prefix);
    if (!bucket) this.#buckets.set(prefix, (bucket = new TokenBucket(this.#perSecond, this.#perSecond)));
    return bucket.take(nowMs) && this.#all.take(nowMs);
  }
}
