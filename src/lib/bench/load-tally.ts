import { LatencyHistogram } from './latency-histogram.js';

/** What a load came to, so far or in the end. */
export interface LoadSummary {
  /** Since its beginning. */
  readonly elapsedMs: number;
  /** Operations that succeeded. */
  readonly operations: number;
  /** Payload they carried. */
  readonly bytes: number;
  /** Failed operations by code of their error. */
  readonly errors: Readonly<Record<string, number>>;
  readonly ratePerSecond: number;
  readonly bytesPerSecond: number;
  /** Of the operations that succeeded, milliseconds; undefined before the first. */
  readonly latencyMs: { readonly mean: number; readonly p50: number; readonly p90: number; readonly p99: number; readonly p999: number; readonly max: number } | undefined;
}

/** Counts what becomes of the operations of a load. Times are handed in. */
export class LoadTally {
  readonly #startMs: number;
  readonly #latencies = new LatencyHistogram();
  readonly #errors: Record<string, number> = {};
  #bytes = 0;
  #endMs: number | undefined;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  succeeded(beginMs: number, endMs: number, bytes: number): void {
    this.#latencies.record(endMs - beginMs);
    this.#bytes += bytes;
  }

  failed(code: string): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1;
  }

  /** The last operation has ended: from now on the summary stands still. */
  end(nowMs: number): void {
    this.#endMs ??= nowMs;
  }

  summary(nowMs: number): LoadSummary {
    const elapsedMs = (this.#endMs ?? nowMs) - this.#startMs;
    const perSecond = (amount: number): number => (elapsedMs <= 0 ? 0 : (amount * 1000) / elapsedMs);
    const latencies = this.#latencies;
    const at = (share: number): number => latencies.percentile(share);
    return {
      elapsedMs,
      operations: latencies.count,
      bytes: this.#bytes,
      errors: { ...this.#errors },
      ratePerSecond: perSecond(latencies.count),
      bytesPerSecond: perSecond(this.#bytes),
      latencyMs: latencies.count === 0 ? undefined : { mean: latencies.meanMs, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: latencies.maxMs },
    };
  }
}
