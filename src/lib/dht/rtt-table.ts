import type { NodeId } from '../identity/node-id.js';

/** Weights of a new sample (RFC 6298, section 2.3: alpha = 1/8, beta = 1/4). */
const rttWeight = 1 / 8;
const deviationWeight = 1 / 4;
/** How many deviations a round trip may take longer than usual (RFC 6298: K = 4). */
const deviations = 4;

export interface RttSettings {
  /** Bounds of a request's time-out, and what holds for a peer never measured, milliseconds. */
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly initialTimeoutMs: number;
  /** Peers remembered; the one not measured for longest is forgotten first. */
  readonly maxPeers: number;
}

interface Estimate {
  smoothedMs: number;
  deviationMs: number;
}

/** Measured round trips of peers, and how long to wait for each before another is asked. */
export class RttTable {
  readonly #settings: RttSettings;
  /** Least recently measured first. */
  readonly #estimates = new Map<NodeId, Estimate>();

  constructor(settings: RttSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#estimates.size;
  }

  /** @param sampleMs time from a request to its answer, over a connection that was open already */
  sample(nodeId: NodeId, sampleMs: number): void {
    const known = this.#estimates.get(nodeId);
    if (known) {
      this.#estimates.delete(nodeId);
      known.deviationMs += deviationWeight * (Math.abs(known.smoothedMs - sampleMs) - known.deviationMs);
      known.smoothedMs += rttWeight * (sampleMs - known.smoothedMs);
    }
    this.#estimates.set(nodeId, known ?? { smoothedMs: sampleMs, deviationMs: sampleMs / 2 });
    if (this.#estimates.size > this.#settings.maxPeers) {
      for (const oldest of this.#estimates.keys()) {
        this.#estimates.delete(oldest);
        break;
      }
    }
  }

  /** Smoothed round trip, milliseconds; undefined for a peer never measured. */
  rttMs(nodeId: NodeId): number | undefined {
    return this.#estimates.get(nodeId)?.smoothedMs;
  }

  /** How long an answer may take before the peer counts as slow, milliseconds (RFC 6298, section 2: SRTT + 4·RTTVAR). */
  timeoutMs(nodeId: NodeId): number {
    const { minTimeoutMs, maxTimeoutMs, initialTimeoutMs } = this.#settings;
    const known = this.#estimates.get(nodeId);
    if (!known) return initialTimeoutMs;
    return Math.min(maxTimeoutMs, Math.max(minTimeoutMs, known.smoothedMs + deviations * known.deviationMs));
  }
}
