import type { CountsByReason } from '../observability/metrics.js';

/** Counts connections that did not become sessions. */
export class RefusalCounter {
  readonly #counts = new Map<string, number>();

  get byReason(): CountsByReason {
    return Object.fromEntries(this.#counts);
  }

  /** @param reason an error code of the catalogue, so that labels stay few */
  count(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }
}
