import type { Clock } from '../base/clock.js';

interface Closing {
  readonly packet: Buffer;
  readonly untilMs: number;
  received: number;
}

/** Longer than three probe timeouts on any path in use (RFC 9000 section 10.2). */
const rememberedMs = 3000;
/** Beyond this many the oldest are forgotten: about 1 MB at most. */
const rememberedClosings = 4096;

/**
 * Our CONNECTION_CLOSE packets for a few seconds, so that a peer that missed one hears it again. The answers thin
 * out (1st, 2nd, 4th, 8th … packet), as RFC 9000 section 10.2.1 asks.
 */
export class ClosingTable {
  readonly #clock: Clock;
  readonly #closings = new Map<string, Closing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#closings.size;
  }

  remember(idKey: string, packet: Buffer): void {
    this.#forgetOld();
    this.#closings.set(idKey, { packet, untilMs: this.#clock.nowMs() + rememberedMs, received: 0 });
  }

  knows(idKey: string): boolean {
    return this.#closings.has(idKey);
  }

  /** A packet of `bytes` came for a closed connection: what to answer, if anything. */
  answer(idKey: string, bytes: number): Buffer | undefined {
    const closing = this.#closings.get(idKey);
    if (!closing || closing.untilMs < this.#clock.nowMs()) return undefined;
    // The source may be forged: what is sent there is never much more than what came.
    if (closing.packet.length > 3 * bytes) return undefined;
    closing.received += 1;
    const isPowerOfTwo = (closing.received & (closing.received - 1)) === 0;
    return isPowerOfTwo ? closing.packet : undefined;
  }

  clear(): void {
    this.#closings.clear();
  }

  #forgetOld(): void {
    const nowMs = this.#clock.nowMs();
    for (const [idKey, closing] of this.#closings) {
      if (closing.untilMs >= nowMs && this.#closings.size < rememberedClosings) return;
      this.#closings.delete(idKey);
    }
  }
}
