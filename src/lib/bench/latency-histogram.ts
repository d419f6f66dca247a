/** Steps of a power of two: a value is known to 1/128 of it, which is finer than anybody compares percentiles. */
const stepBits = 7;
const steps = 2 ** stepBits;
/** Microseconds, somewhat over an hour; longer counts as that. */
const longest = 2 ** 32 - 1;

/** Counts times in buckets of equal relative width, so that millions of them take no more memory than a few. */
export class LatencyHistogram {
  readonly #counts = new Float64Array((32 - stepBits) * steps + steps);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  /** 0 where nothing was recorded. */
  get maxMs(): number {
    return this.#maxMs;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  record(ms: number): void {
    this.#counts[bucketOf(ms)]! += 1;
    this.#count += 1;
    this.#sumMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  /** The time within which a share (0 to 1) of the recorded ones were, rounded up by 1/128 at most; 0 where there are none. */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.#count));
    if (this.#count === 0) return 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      left -= this.#counts[bucket]!;
      if (left <= 0) return Math.min(upperMsOf(bucket), this.#maxMs);
    }
    return this.#maxMs;
  }
}

function bucketOf(ms: number): number {
  const us = Math.min(longest, Math.max(0, Math.ceil(ms * 1000)));
  const shift = Math.max(0, 31 - Math.clz32(us) - stepBits);
  return shift * steps + (us >>> shift);
}

function upperMsOf(bucket: number): number {
  const shift = bucket < 2 * steps ? 0 : Math.floor(bucket / steps) - 1;
  return ((bucket - shift * steps + 1) * 2 ** shift - 1) / 1000;
}
