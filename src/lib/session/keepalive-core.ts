/**
 * A peer that left this many probes in a row unanswered is gone. By default that takes 30 s of silence: a path that was dead
 * for 20 s is probed anew within 5 s, and then the connection goes on.
 */
const probesBeforeDeath = 3;

export type KeepaliveVerdict = 'wait' | 'probe' | 'dead';

/**
 * Decides when a silent peer is pinged and when it is given up. Anything heard counts as a sign of life, not only
 * a pong.
 */
export class KeepaliveCore {
  readonly #intervalMs: number;
  readonly #probeTimeoutMs: number;
  #lastHeardMs: number;
  #probedAtMs = -Infinity;
  #unanswered = 0;

  /** @param intervalMs silence after which the peer is pinged @param probeTimeoutMs time it gets to be heard */
  constructor(settings: { intervalMs: number; probeTimeoutMs: number }, nowMs: number) {
    this.#intervalMs = settings.intervalMs;
    this.#probeTimeoutMs = settings.probeTimeoutMs;
    this.#lastHeardMs = nowMs;
  }

  /** Something arrived. */
  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  nextDeadline(): number {
    return this.#probing() ? this.#probedAtMs + this.#probeTimeoutMs : this.#lastHeardMs + this.#intervalMs;
  }

  /** Call at {@link nextDeadline}. `probe` means a ping is sent now. */
  handleTimeout(nowMs: number): KeepaliveVerdict {
    if (!this.#probing()) this.#unanswered = 0;
    if (nowMs < this.nextDeadline()) return 'wait';
    if (this.#unanswered >= probesBeforeDeath) return 'dead';
    this.#unanswered++;
    this.#probedAtMs = nowMs;
    return 'probe';
  }

  #probing(): boolean {
    return this.#unanswered > 0 && this.#lastHeardMs < this.#probedAtMs;
  }
}
