/** What the timing of port mappings goes by. */
export type PortMappingEvent =
  /** Addresses of this machine, or the address outside, are others than before. */
  | { readonly type: 'network-changed' }
  /** A gateway maps the port for this long. */
  | { readonly type: 'granted'; readonly lifetimeMs: number }
  /** No gateway does, or the one that did would not again. */
  | { readonly type: 'failed' };

/** Addresses change in bursts. */
const settleMs = 500;
/** Whatever lifetime a gateway names, it is asked neither more often than this nor seldomer: a lease may be lost with its memory. */
const minRenewMs = 15_000;
const maxRenewMs = 60 * 60_000;
/** A renewal that failed is tried again after this long while the mapping lives. */
const renewRetryMs = 30_000;
/** Where no gateway maps ports, one may learn to: somebody switches it on, or another router. */
const firstRetryMs = 60_000;
const maxRetryMs = 60 * 60_000;

/** Decides when a gateway is asked for a mapping, when it is renewed, and when it is gone. */
export class PortMappingCore {
  #dueMs = 0;
  #untilMs: number | undefined;
  #retryMs = firstRetryMs;

  /** Clock.nowMs() at which to ask. After it, report `granted` or `failed`. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** Whether the last mapping granted is still good. @param nowMs Clock.nowMs() */
  isMapped(nowMs: number): boolean {
    return this.#untilMs !== undefined && nowMs < this.#untilMs;
  }

  handle(event: PortMappingEvent, nowMs: number): void {
    switch (event.type) {
      case 'network-changed':
        this.#retryMs = firstRetryMs;
        this.#dueMs = Math.min(this.#dueMs, nowMs + settleMs);
        return;
      case 'granted':
        this.#retryMs = firstRetryMs;
        this.#untilMs = nowMs + Math.max(event.lifetimeMs, 2 * minRenewMs);
        this.#dueMs = nowMs + Math.min(maxRenewMs, Math.max(minRenewMs, event.lifetimeMs / 2));
        return;
      case 'failed':
        if (this.isMapped(nowMs)) {
          this.#dueMs = Math.min(this.#untilMs!, nowMs + renewRetryMs);
          return;
        }
        this.#untilMs = undefined;
        this.#dueMs = nowMs + this.#retryMs;
        this.#retryMs = Math.min(maxRetryMs, this.#retryMs * 2);
    }
  }
}
