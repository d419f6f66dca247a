import { CircuitBreaker, type BreakerSettings } from '../base/circuit-breaker.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';

export type ProviderSettings = BreakerSettings & Pick<Settings, 'rpcBalanceDecayMs'>;

/** What one attempt says about the provider it was made at. */
export type AttemptVerdict = 'good' | 'failed' | 'overloaded' | 'neutral';

/** How long a provider that said "overloaded" and not for how long is passed over. */
const defaultPauseMs = 100;

/** One provider of one procedure as this node has come to know it. */
export class ProviderState {
  readonly nodeId: NodeId;
  readonly breaker: CircuitBreaker;
  readonly #decayMs: number;
  /** Calls under way. */
  inFlight = 0;
  #rttMs: number | undefined;
  #measuredMs = 0;
  #pausedUntilMs = 0;

  constructor(nodeId: NodeId, settings: ProviderSettings) {
    this.nodeId = nodeId;
    this.breaker = new CircuitBreaker(settings);
    this.#decayMs = settings.rpcBalanceDecayMs;
  }

  /** Milliseconds, exponentially weighted; undefined before the first answer. */
  get rttMs(): number | undefined {
    return this.#rttMs;
  }

  /**
   * What one more call is expected to cost. What was measured fades with time, so that a provider that was slow once is asked again;
   * one never asked costs nothing, so that it gets its chance.
   */
  cost(nowMs: number): number {
    if (this.#rttMs === undefined) return 0;
    return this.#rttMs * Math.exp(-(nowMs - this.#measuredMs) / this.#decayMs) * (this.inFlight + 1);
  }

  /** Whether a call may go there now; does not take the trial of a breaker that is half open. */
  isOpenTo(nowMs: number): boolean {
    return nowMs >= this.#pausedUntilMs && this.breaker.waitMs(nowMs) === 0;
  }

  begin(nowMs: number): void {
    this.breaker.admit(nowMs);
    this.inFlight++;
  }

  /**
   * @param elapsedMs how long the attempt took
   * @param retryAfterMs with `overloaded`: what the provider said
   * @returns how long the breaker is open from now on, if this failure opened it
   */
  end(verdict: AttemptVerdict, elapsedMs: number, nowMs: number, random: RandomSource, retryAfterMs?: number): number | undefined {
    this.inFlight--;
    switch (verdict) {
      case 'good':
        this.breaker.succeeded();
        this.#measure(elapsedMs, nowMs);
        return undefined;
      case 'failed':
        this.#measure(elapsedMs, nowMs);
        return this.breaker.failed(nowMs, random);
      case 'overloaded':
        this.breaker.succeeded();
        this.#pausedUntilMs = nowMs + (retryAfterMs ?? defaultPauseMs);
        return undefined;
      case 'neutral':
        return undefined;
    }
  }

  /** Weighs by age: after `rpcBalanceDecayMs` what was known before counts e^-1. */
  #measure(elapsedMs: number, nowMs: number): void {
    const before = this.#rttMs;
    if (before === undefined) this.#rttMs = elapsedMs;
    else {
      // A single answer moves the mean a little even when answers come thick and fast.
      const kept = Math.min(0.95, Math.exp(-(nowMs - this.#measuredMs) / this.#decayMs));
      this.#rttMs = before * kept + elapsedMs * (1 - kept);
    }
    this.#measuredMs = nowMs;
  }
}
