import type { PingResult } from '../lib/control/protocol.js';
import { humanMs } from './text.js';

/** What a row of pings comes to. */
export class PingSummary {
  #sent = 0;
  #direct = false;
  readonly #rttsMs: number[] = [];

  add(result: PingResult): void {
    this.#sent += 1;
    if ('error' in result) return;
    this.#rttsMs.push(result.rttMs);
    if (result.path === 'direct') this.#direct = true;
  }

  get sent(): number {
    return this.#sent;
  }

  get answered(): number {
    return this.#rttsMs.length;
  }

  /** Whether any answer came over a direct path. */
  get direct(): boolean {
    return this.#direct;
  }

  /** Round-trip times are in milliseconds, null when nothing was answered. */
  toJSON(): { sent: number; answered: number; direct: boolean; minMs: number | null; meanMs: number | null; maxMs: number | null } {
    const rtts = this.#rttsMs;
    if (rtts.length === 0) return { sent: this.#sent, answered: 0, direct: false, minMs: null, meanMs: null, maxMs: null };
    const meanMs = rtts.reduce((sum, rtt) => sum + rtt, 0) / rtts.length;
    return { sent: this.#sent, answered: rtts.length, direct: this.#direct, minMs: Math.min(...rtts), meanMs, maxMs: Math.max(...rtts) };
  }

  text(): string {
    const { sent, answered, minMs, meanMs, maxMs } = this.toJSON();
    const times = minMs === null || meanMs === null || maxMs === null ? '' : `; min ${humanMs(minMs)}, mean ${humanMs(meanMs)}, max ${humanMs(maxMs)}`;
    return `${answered} of ${sent} answered${times}`;
  }
}
