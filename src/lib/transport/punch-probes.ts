/** Outstanding probes remembered: five seconds of the fastest spray, and a socket each of the largest attempt. */
const maxOutstanding = 1024;
/** No round trip is longer. */
const forgottenAfterMs = 5000;

interface Outstanding {
  /** Key of the route it was sent on. */
  readonly key: string;
  readonly sentMs: number;
}

/**
 * Probes sent to addresses that are mere guesses, far more than a path set could keep as routes: only those that
 * are answered become routes.
 */
export class PunchProbes {
  readonly #outstanding = new Map<string, Outstanding>();

  get size(): number {
    return this.#outstanding.size;
  }

  sent(transaction: string, key: string, nowMs: number): void {
    this.#outstanding.set(transaction, { key, sentMs: nowMs });
    for (const [oldest, { sentMs }] of this.#outstanding) {
      if (this.#outstanding.size <= maxOutstanding && nowMs - sentMs <= forgottenAfterMs) return;
      this.#outstanding.delete(oldest);
    }
  }

  /** Takes an answer off: which route was probed and when, or undefined when nothing like it was asked. */
  take(transaction: string): Outstanding | undefined {
    const found = this.#outstanding.get(transaction);
    this.#outstanding.delete(transaction);
    return found;
  }
}
