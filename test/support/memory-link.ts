import type { Clock } from '../../src/lib/base/clock.js';

/** What a link needs to know of the network it runs over. */
export interface LinkNetwork {
  readonly clock: Clock;
  readonly latencyMs: number;
  /** Calls back once when something about cuts or addresses changed. */
  onChange(callback: () => void): void;
}

/**
 * One direction between two connection ends: in order, after the latency, and held while the way is blocked, as
 * QUIC's retransmission makes it look from above.
 */
export class MemoryLink {
  readonly #network: LinkNetwork;
  readonly #passable: () => boolean;
  #queue: { readonly dueMs: number; readonly deliver: () => void }[] = [];
  #lastDueMs = 0;
  #scheduled = false;

  constructor(network: LinkNetwork, passable: () => boolean) {
    this.#network = network;
    this.#passable = passable;
  }

  send(deliver: () => void): void {
    this.#lastDueMs = Math.max(this.#lastDueMs, this.#network.clock.nowMs() + this.#network.latencyMs);
    this.#queue.push({ dueMs: this.#lastDueMs, deliver });
    this.#schedule();
  }

  /** Tries again to deliver what was held. */
  retry(): void {
    this.#schedule();
  }

  #schedule(): void {
    const head = this.#queue[0];
    if (!head || this.#scheduled) return;
    this.#scheduled = true;
    const run = (): void => {
      this.#scheduled = false;
      this.#run();
    };
    const delayMs = head.dueMs - this.#network.clock.nowMs();
    if (delayMs > 0) this.#network.clock.setTimer(delayMs, run);
    else queueMicrotask(run);
  }

  #run(): void {
    if (!this.#passable()) return this.#network.onChange(() => this.#schedule());
    const nowMs = this.#network.clock.nowMs();
    while (this.#queue.length > 0 && this.#queue[0]!.dueMs <= nowMs) this.#queue.shift()!.deliver();
    this.#schedule();
  }
}
