import { ShareBudget } from './share-budget.js';

/** Answers the slowest twentieth is judged by. */
const windowSize = 128;
/** Before this many answers nobody knows what is slow. */
const leastSamples = 20;
/** The percentile is looked up anew after so many answers. */
const refreshEvery = 16;
/** Procedures whose times are remembered; the one asked longest ago goes first. */
const maxProcedures = 1000;

class Window {
  readonly #times = new Float64Array(windowSize);
  #count = 0;
  #p95 = Infinity;

  add(elapsedMs: number): void {
    this.#times[this.#count++ % windowSize] = elapsedMs;
    if (this.#count < leastSamples || this.#count % refreshEvery !== 0) return;
    const sorted = this.#times.slice(0, Math.min(this.#count, windowSize)).sort();
    this.#p95 = sorted[Math.floor(sorted.length * 0.95)]!;
  }

  get p95(): number {
    return this.#p95;
  }
}

/** Decides when a second copy of an idempotent call is sent (Dean and Barroso, "The Tail at Scale", 2013). */
export class HedgePolicy {
  readonly #budget: ShareBudget;
  readonly #windows = new Map<string, Window>();

  /** @param share extra calls as a share of the calls that may be hedged */
  constructor(share: number) {
    this.#budget = new ShareBudget(share, 0);
  }

  /** A call that may be hedged begins: milliseconds after which to send the second copy; undefined while too little is known. */
  begin(procedure: string): number | undefined {
    this.#budget.earn();
    const p95 = this.#windows.get(procedure)?.p95;
    return p95 === undefined || p95 === Infinity ? undefined : p95;
  }

  /** Whether the copy may be sent now. */
  take(nowMs: number): boolean {
    return this.#budget.take(nowMs);
  }

  answered(procedure: string, elapsedMs: number): void {
    let window = this.#windows.get(procedure);
    if (window) this.#windows.delete(procedure);
    else window = new Window();
    this.#windows.set(procedure, window);
    window.add(elapsedMs);
    if (this.#windows.size <= maxProcedures) return;
    for (const oldest of this.#windows.keys()) {
      this.#windows.delete(oldest);
      break;
    }
  }
}
