/** A budget of extra work: a share of the ordinary work, and a rate that is always allowed. Saved up for ten seconds. */
export class ShareBudget {
  readonly #share: number;
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #filledMs: number | undefined;

  /** @param share extra pieces per ordinary one @param perSecond extra pieces a second that are always allowed */
  constructor(share: number, perSecond: number) {
    this.#share = share;
    this.#perSecond = perSecond;
    // Ten seconds' worth of either, so that a burst of failures after a quiet time is retried.
    this.#capacity = Math.max(1, perSecond * 10, share * 100);
    this.#tokens = Math.min(this.#capacity, perSecond * 10);
  }

  /** An ordinary piece of work is done. */
  earn(): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + this.#share);
  }

  /** Whether one extra piece is allowed; if so, it is spent. @param nowMs Clock.nowMs() */
  take(nowMs: number): boolean {
    const elapsedMs = Math.max(0, nowMs - (this.#filledMs ?? nowMs));
    this.#filledMs = nowMs;
    this.#tokens = Math.min(this.#capacity, this.#tokens + (elapsedMs * this.#perSecond) / 1000);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
