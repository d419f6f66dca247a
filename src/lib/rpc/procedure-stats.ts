/** Answers whose times are remembered for percentiles. */
const windowSize = 256;

/** How one served call ended. */
export type ServedOutcome = 'succeeded' | 'failed' | 'cancelled';

/** What became of one call. */
export interface ServedReport {
  readonly procedure: string;
  /** refused: it never ran; repeated: it got the answer of an earlier one. */
  readonly outcome: ServedOutcome | 'refused' | 'repeated';
  /** Whether it yielded a stream of values. */
  readonly streamed: boolean;
  /** Undefined where nothing ran. */
  readonly durationMs: number | undefined;
}

/** What a procedure has done since it was registered. */
export interface ProcedureCounts {
  /** Calls that ran or are running. */
  readonly calls: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Their callers went away or ran out of time. */
  readonly cancelled: number;
  /** Calls that never ran: too many at once, or a caller that may not. */
  readonly refused: number;
  /** Idempotent calls that got the answer of an earlier one. */
  readonly repeated: number;
  /** Of the last 256 calls that were answered, milliseconds; undefined before the first. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

export class ProcedureStats {
  readonly #procedure: string;
  readonly #report: (call: ServedReport) => void;
  readonly #times = new Float64Array(windowSize);
  #answered = 0;
  #calls = 0;
  #succeeded = 0;
  #failed = 0;
  #cancelled = 0;
  #refused = 0;
  #repeated = 0;
  #running = 0;
  #meanMs: number | undefined;

  /** @param report hears of every call that ended, was refused or repeated */
  constructor(procedure: string, report: (call: ServedReport) => void) {
    this.#procedure = procedure;
    this.#report = report;
  }

  /** Exponentially weighted time of an answer, milliseconds; undefined before the first. */
  get meanMs(): number | undefined {
    return this.#meanMs;
  }

  get running(): number {
    return this.#running;
  }

  begin(): void {
    this.#calls++;
    this.#running++;
  }

  end(outcome: ServedOutcome, elapsedMs: number, streamed = false): void {
    this.#running--;
    this.#report({ procedure: this.#procedure, outcome, streamed, durationMs: elapsedMs });
    if (outcome === 'cancelled') {
      this.#cancelled++;
      return;
    }
    if (outcome === 'succeeded') this.#succeeded++;
    else this.#failed++;
    this.#times[this.#answered++ % windowSize] = elapsedMs;
    this.#meanMs = this.#meanMs === undefined ? elapsedMs : 0.9 * this.#meanMs + 0.1 * elapsedMs;
  }

  refuse(): void {
    this.#refused++;
    this.#report({ procedure: this.#procedure, outcome: 'refused', streamed: false, durationMs: undefined });
  }

  repeat(): void {
    this.#repeated++;
    this.#report({ procedure: this.#procedure, outcome: 'repeated', streamed: false, durationMs: undefined });
  }

  counts(): ProcedureCounts {
    const sorted = this.#times.slice(0, Math.min(this.#answered, windowSize)).sort();
    const at = (share: number): number | undefined => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    return {
      calls: this.#calls,
      running: this.#running,
      succeeded: this.#succeeded,
      failed: this.#failed,
      cancelled: this.#cancelled,
      refused: this.#refused,
      repeated: this.#repeated,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  }
}
