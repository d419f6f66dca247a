import type { RandomSource } from '../../src/lib/base/random.js';

/** Values that length fields, counters and types break at. */
const interesting = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc7, 0xdd, 0xdf, 0xfe, 0xff];

type Mutation = (bytes: Buffer, random: RandomSource, others: readonly Uint8Array[]) => Buffer;

function at(bytes: Buffer, random: RandomSource): number {
  // Headers are what gets parsed first and most.
  const reach = random.float() < 0.5 ? Math.min(bytes.length, 40) : bytes.length;
  return random.integer(Math.max(1, reach));
}

const mutations: readonly Mutation[] = [
  (bytes, random) => ((bytes[at(bytes, random)]! ^= 1 << random.integer(8)), bytes),
  (bytes, random) => ((bytes[at(bytes, random)] = random.integer(256)), bytes),
  (bytes, random) => ((bytes[at(bytes, random)] = interesting[random.integer(interesting.length)]!), bytes),
  (bytes, random) => bytes.subarray(0, random.integer(bytes.length + 1)),
  (bytes, random) => bytes.subarray(at(bytes, random)),
  (bytes, random) => Buffer.concat([bytes, random.bytes(1 + random.integer(64))]),
  (bytes, random) => {
    const start = at(bytes, random);
    bytes.fill(interesting[random.integer(interesting.length)]!, start, Math.min(bytes.length, start + 1 + random.integer(16)));
    return bytes;
  },
  (bytes, random) => {
    const start = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start, start + random.integer(64)), bytes.subarray(start)]);
  },
  (bytes, random, others) => {
    const other = others[random.integer(others.length)]!;
    return Buffer.concat([bytes.subarray(0, at(bytes, random)), other.subarray(random.integer(other.length + 1))]);
  },
];

/** A copy of the bytes with one to four changes. @param others what pieces may be taken from */
export function mutate(original: Uint8Array, random: RandomSource, others: readonly Uint8Array[]): Buffer {
  let bytes: Buffer = Buffer.from(original);
  for (let count = 1 + random.integer(4); count > 0 && bytes.length > 0; count -= 1) {
    bytes = mutations[random.integer(mutations.length)]!(bytes, random, others);
  }
  return bytes;
}
