import type { NodeId } from '../identity/node-id.js';

/** Weights of a new sample (RFC 6298, section 2.3: alpha = 1/8, beta = 1/4). */
const rttWeight = 1 / 8;
const deviationWeight = 1 / 4;
/** How many deviations a round trip may take longer than usual (RFC 6298: K = 4). */
const deviations = 4;

export interface RttSettings {
  /** Bounds of a request's time-out, and the most for a peer we are not connected to, milliseconds. */
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
  readonly initialTimeoutMs: number;
  /** Peers remembered; the one not measured for longest is forgotten first. */
  readonly maxPeers: number;
}

interface Estimate {
  readonly smoothedMs: number;
  readonly deviationMs: number;
}

/** Measured round trips of peers, and how long to wait for each before another is asked. */
export class RttTable {
  readonly #settings: RttSettings;
  /** Least recently measured first. */
  readonly #estimates = new Map<NodeId, Estimate>();
  /** First requests to peers, connecting included. */
  #first: Estimate | undefined;

  constructor(settings: RttSettings) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#estimates.size;
  }

  /** @param sampleMs time from a request to its answer, over a connection that was open already */
  sample(nodeId: NodeId, sampleMs: number): void {
    const known = this.#estimates.get(nodeId);
    this.#estimates.delete(nodeId);
    this.#estimates.set(nodeId, weighed(known, sampleMs));
    if (this.#estimates.size <= this.#settings.maxPeers) return;
    for (const oldest of this.#estimates.keys()) {
      this.#estimates.delete(oldest);
      break;
    }
  }

  /** @param sampleMs time from a request to its answer where a connection had to be opened first */
  sampleFirst(sampleMs: number): void {
    this.#first = weighed(this.#first, sampleMs);
  }

  /** Smoothed round trip, milliseconds; undefined for a peer never measured. */
  rttMs(nodeId: NodeId): number | undefined {
    return this.#estimates.get(nodeId)?.smoothedMs;
  }

  /** How long an answer may take before the peer counts as slow, milliseconds (RFC 6298, section 2: SRTT + 4·RTTVAR). */
  timeoutMs(nodeId: NodeId): number {
    const known = this.#estimates.get(nodeId);
    return known ? this.#bounded(known, this.#settings.maxTimeoutMs) : this.firstTimeoutMs();
  }

  /** The same where a connection has to be opened first: from how long that took with other peers. */
  firstTimeoutMs(): number {
    return this.#first ? this.#bounded(this.#first, this.#settings.initialTimeoutMs) : this.#settings.initialTimeoutMs;
  }

  #bounded({ smoothedMs, deviationMs }: Estimate, maxMs: number): number {
    return Math.min(maxMs, Math.max(this.#settings.minTimeoutMs, smoothedMs + deviations * deviationMs));
  }
}

function weighed(known: Estimate | undefined, sampleMs: number): Estimate {
  if (!known) return { smoothedMs: sampleMs, deviationMs: sampleMs / 2 };
  return {
    deviationMs: known.deviationMs + deviationWeight * (Math.abs(known.smoothedMs - sampleMs) - known.deviationMs),
    smoothedMs: known.smoothedMs + rttWeight * (sampleMs - known.smoothedMs),
  };
}
