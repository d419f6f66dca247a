import { randomBytes, randomInt } from 'node:crypto';

/** A source of random numbers. The real one is cryptographically strong; simulations use a seeded one. */
export interface RandomSource {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array;
  /** A number in [0, 1). */
  float(): number;
  /** A whole number in [0, bound), bound ≤ 2^31. */
  integer(bound: number): number;
}

/** Random numbers of the operating system, fit for keys and tokens. */
export const systemRandom: RandomSource = {
  bytes: (length) => randomBytes(length),
  float: () => randomInt(2 ** 47) / 2 ** 47,
  integer: (bound) => randomInt(bound),
};

/**
 * A reproducible source: equal seeds give equal sequences (mulberry32). Never for secrets.
 */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
    float: () => next() / 2 ** 32,
    integer: (bound) => Math.floor((next() / 2 ** 32) * bound),
  };
}
