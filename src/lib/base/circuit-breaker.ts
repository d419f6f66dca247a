import type { RandomSource } from './random.js';

/** The settings of the same names. */
export interface BreakerSettings {
  readonly breakerFailures: number;
  readonly breakerMinMs: number;
  readonly breakerMaxMs: number;
}

/** Share of a pause that jitter adds at most, so that nodes that lost the same peer do not come back in step. */
const jitterShare = 0.2;

/** closed: nothing is wrong; open: left alone; half-open: the pause is over and one trial decides. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** Leaves a peer alone after failures in a row; pauses double, and after each one trial is let through. */
export class CircuitBreaker {
  readonly #settings: BreakerSettings;
  #failures = 0;
  #openings = 0;
  #untilMs = 0;
  /** When the trial under way began. */
  #trialMs: number | undefined;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
  }

  get failures(): number {
    return this.#failures;
  }

  state(nowMs: number): BreakerState {
    if (this.#openings === 0) return 'closed';
    return nowMs < this.#untilMs ? 'open' : 'half-open';
  }

  /** Milliseconds until the next trial is let through; 0 when one would be now. */
  waitMs(nowMs: number): number {
    if (this.#openings === 0) return 0;
    return Math.max(0, this.#untilMs - nowMs, this.#trialEndMs() - nowMs);
  }

  /** Whether to go ahead; in the half-open state a yes is the one trial. */
  admit(nowMs: number): boolean {
    if (this.#openings === 0) return true;
    if (this.waitMs(nowMs) > 0) return false;
    this.#trialMs = nowMs;
    return true;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#openings = 0;
    this.#trialMs = undefined;
  }

  /** Returns the pause in milliseconds if this failure begins one. */
  failed(nowMs: number, random: RandomSource): number | undefined {
    this.#failures++;
    const state = this.state(nowMs);
    if (state === 'open' || (state === 'closed' && this.#failures < this.#settings.breakerFailures)) return undefined;
    const { breakerMinMs, breakerMaxMs } = this.#settings;
    const pauseMs = Math.min(breakerMaxMs, breakerMinMs * 2 ** Math.min(this.#openings, 30)) * (1 + jitterShare * random.float());
    this.#openings++;
    this.#untilMs = nowMs + pauseMs;
    this.#trialMs = undefined;
    return pauseMs;
  }

  /** A trial nobody reports the end of does not keep others out for ever. */
  #trialEndMs(): number {
    return this.#trialMs === undefined ? 0 : this.#trialMs + this.#settings.breakerMinMs;
  }
}
