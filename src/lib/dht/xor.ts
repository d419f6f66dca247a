import type { RandomSource } from '../base/random.js';

/** Bits and bytes of an id: a node id, or a key, which is one of the same space. */
export const idBits = 256;
export const idBytes = idBits / 8;

/**
 * The XOR distance of two ids as 32 bytes, most significant first (Maymounkov and Mazières, Kademlia, section 2.1).
 * Where distances are only compared, {@link compareDistance} does it without making one.
 */
export function xorDistance(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: idBytes }, (_, index) => a[index]! ^ b[index]!);
}

/** Negative when `a` is closer to `target` than `b`, positive when it is further, 0 when they are equal. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < idBytes; index++) {
    const left = a[index]!;
    const right = b[index]!;
    if (left !== right) return (left ^ target[index]!) - (right ^ target[index]!);
  }
  return 0;
}

/** Whether `a` is strictly closer to `target` than `b`. */
export function isCloser(target: Uint8Array, a: Uint8Array, b: Uint8Array): boolean {
  return compareDistance(target, a, b) < 0;
}

/** Leading bits that two ids share, 0 to 256. */
export function commonPrefixLength(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < idBytes; index++) {
    const difference = a[index]! ^ b[index]!;
    if (difference !== 0) return index * 8 + Math.clz32(difference) - 24;
  }
  return idBits;
}

/**
 * A distance as a share of the id space, in [0, 1): its first 48 bits. Precise enough to estimate densities of
 * networks of up to 2^40 nodes.
 */
export function distanceShare(a: Uint8Array, b: Uint8Array): number {
  let share = 0;
  for (let index = 5; index >= 0; index--) share = (share + (a[index]! ^ b[index]!)) / 256;
  return share;
}

/** A random id that shares exactly `prefixLength` (0 to 255) leading bits with `own`. */
export function randomIdInBucket(own: Uint8Array, prefixLength: number, random: RandomSource): Uint8Array {
  const id = random.bytes(idBytes);
  const whole = prefixLength >> 3;
  id.set(own.subarray(0, whole));
  const bit = 0x80 >> (prefixLength & 7);
  // Bits above the differing one are kept from `own`, the differing one is flipped, those below stay random.
  const keep = 0xff & ~((bit << 1) - 1);
  id[whole] = (own[whole]! & keep) | (~own[whole]! & bit) | (id[whole]! & (bit - 1));
  return id;
}
