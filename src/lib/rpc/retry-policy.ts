import type { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { ShareBudget } from './share-budget.js';
import { executedOf, statusOf } from './status.js';

export type RetrySettings = Pick<Settings, 'rpcRetries' | 'rpcRetryMinMs' | 'rpcRetryMaxMs'>;

/** What is known when an attempt has failed. */
export interface FailedAttempt {
  readonly error: MaculaError;
  /** Attempts made so far, 1 after the first. */
  readonly attempts: number;
  readonly idempotent: boolean;
  /** Milliseconds until the call's deadline. */
  readonly remainingMs: number;
  /** A provider that was not tried yet is known. */
  readonly hasOther: boolean;
}

export type RetryDecision =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'give-up'; readonly why: 'final' | 'may-have-run' | 'attempts' | 'deadline' | 'budget' | 'nobody-else' };

const giveUp = (why: Extract<RetryDecision, { kind: 'give-up' }>['why']): RetryDecision => ({ kind: 'give-up', why });

/** Ends whoever is asked. */
const final: ReadonlySet<string> = new Set(['MACULA_ABORTED', 'MACULA_INVALID_VALUE', 'MACULA_VALUE_TOO_LARGE', 'MACULA_PROCEDURE_STREAMS']);

/** Failures that come back the same from the same provider. */
const settled: ReadonlySet<string> = new Set(['MACULA_NO_PROVIDER', 'MACULA_NOT_FOUND', 'MACULA_CALL_REFUSED', 'MACULA_SELF_DIAL', 'MACULA_PEER_NOT_FOUND']);

/** Decides whether a failed attempt is followed by another, and when: exponential backoff with full jitter. */
export class RetryPolicy {
  readonly #settings: RetrySettings;
  readonly #budget: ShareBudget;
  readonly #random: RandomSource;

  constructor(components: { budget: ShareBudget; random: RandomSource }, settings: RetrySettings) {
    this.#budget = components.budget;
    this.#random = components.random;
    this.#settings = settings;
  }

  /** @param nowMs Clock.nowMs() */
  decide({ error, attempts, idempotent, remainingMs, hasOther }: FailedAttempt, nowMs: number): RetryDecision {
    const executed = executedOf(error);
    if (final.has(error.code)) return giveUp('final');
    if (executed === 'yes' && !(idempotent && statusOf(error) === 'UNAVAILABLE')) return giveUp('final');
    if (executed === 'maybe' && !idempotent) return giveUp('may-have-run');
    if (!hasOther && settled.has(error.code)) return giveUp('nobody-else');
    if (attempts > this.#settings.rpcRetries) return giveUp('attempts');
    const delayMs = this.#delayMs(error, attempts, hasOther);
    if (delayMs >= remainingMs) return giveUp('deadline');
    if (!this.#budget.take(nowMs)) return giveUp('budget');
    return { kind: 'retry', delayMs };
  }

  #delayMs({ details }: MaculaError, attempts: number, hasOther: boolean): number {
    const { rpcRetryMinMs, rpcRetryMaxMs } = this.#settings;
    const backoffMs = this.#random.float() * Math.min(rpcRetryMaxMs, rpcRetryMinMs * 2 ** (attempts - 1));
    const retryAfterMs = details['retryAfterMs'];
    // Whoever said when to come back is only asked again then; another provider has not said so.
    return !hasOther && typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs + backoffMs : backoffMs;
  }
}
