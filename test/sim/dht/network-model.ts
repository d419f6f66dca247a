import type { RandomSource } from '../../../src/lib/base/random.js';

export interface NetworkModel {
  /** One way, milliseconds: a log-normal distribution cut to [min, max]. */
  readonly latency: { readonly medianMs: number; readonly sigma: number; readonly minMs: number; readonly maxMs: number };
  /** Share by which a single message deviates from its pair's latency, each way. */
  readonly jitter: number;
  /** Share of messages lost; QUIC sends them again after about a round trip and a half. */
  readonly loss: number;
  /** Connections a node keeps. */
  readonly connections: number;
}

export const internet: NetworkModel = {
  latency: { medianMs: 50, sigma: 0.6, minMs: 20, maxMs: 200 },
  jitter: 0.1,
  loss: 0.01,
  connections: 128,
};

/** Round trips of a QUIC handshake and HELLO before the first request goes out. */
export const handshakeRoundTrips = 2;

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/** A number in (0, 1) that belongs to the pair, whichever way round. */
function pairFraction(a: number, b: number, salt: number): number {
  return (mix(mix(Math.min(a, b) + salt) ^ Math.max(a, b)) + 0.5) / 2 ** 32;
}

/** One-way latency of a pair of nodes, milliseconds: the same for both directions and every message. */
export function pairLatencyMs(model: NetworkModel, a: number, b: number): number {
  const { medianMs, sigma, minMs, maxMs } = model.latency;
  // Box and Muller's transform gives a normal deviate of two uniform ones.
  const normal = Math.sqrt(-2 * Math.log(pairFraction(a, b, 1))) * Math.cos(2 * Math.PI * pairFraction(a, b, 2));
  return Math.min(maxMs, Math.max(minMs, medianMs * Math.exp(sigma * normal)));
}

/** What one message takes, losses and repeats included, milliseconds. */
export function messageLatencyMs(model: NetworkModel, a: number, b: number, random: RandomSource): number {
  const oneWayMs = pairLatencyMs(model, a, b) * (1 - model.jitter + 2 * model.jitter * random.float());
  let totalMs = oneWayMs;
  while (random.float() < model.loss) totalMs += 3 * oneWayMs;
  return totalMs;
}

/** A deviate of the exponential distribution: how long a node lives. */
export function exponential(mean: number, random: RandomSource): number {
  return -Math.log(1 - random.float()) * mean;
}
