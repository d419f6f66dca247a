import { RoutingTable } from '../../../src/lib/dht/routing-table.js';
import type { RandomSource } from '../../../src/lib/base/random.js';
import { commonPrefixLength } from '../../../src/lib/dht/xor.js';
import { settings, type SimNode } from './sim-node.js';

/**
 * The routing tables a network has once it has converged, from global knowledge: of every range of distances k nodes
 * by chance, or all there are. Letting 10,000 nodes join by the protocol would take longer than all that is measured
 * afterwards; that joining leads to the same is shown on smaller networks.
 */
export function convergedTable(node: SimNode, sorted: readonly SimNode[], random: RandomSource): RoutingTable {
  const table = new RoutingTable(node.id, { bucketSize: settings.dhtBucketSize, maxPerPrefix: settings.dhtMaxPerPrefix, maxPerPrefixInBucket: settings.dhtMaxPerPrefixInBucket });
  let low = 0;
  let high = sorted.length;
  // Nodes that share at least `bits` bits with us are one run of the sorted ids; halving it bit by bit gives the buckets.
  for (let bits = 0; bits < 256 && high - low > 1; bits++) {
    const middle = split(sorted, low, high, bits);
    const ours = (node.id[bits >> 3]! >> (7 - (bits & 7))) & 1;
    const [from, to] = ours === 1 ? [low, middle] : [middle, high];
    for (const other of sample(from, to, settings.dhtBucketSize * 2, random)) if (table.wouldAdmit(sorted[other]!.contact)) table.admit(sorted[other]!.contact, 0);
    [low, high] = ours === 1 ? [middle, high] : [low, middle];
  }
  return table;
}

/** First index in [low, high) whose id has a one at `bit`. */
function split(sorted: readonly SimNode[], low: number, high: number, bit: number): number {
  let from = low;
  let to = high;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((sorted[middle]!.id[bit >> 3]! >> (7 - (bit & 7))) & 1) to = middle;
    else from = middle + 1;
  }
  return from;
}

function sample(from: number, to: number, count: number, random: RandomSource): number[] {
  const size = to - from;
  if (size <= count) return Array.from({ length: size }, (_, index) => from + index);
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(from + random.integer(size));
  return [...chosen];
}

/** The k nodes closest to the target among those for which `test` holds, from global knowledge. */
export function trueClosest(nodes: Iterable<SimNode>, target: Uint8Array, count: number, test: (node: SimNode) => boolean): SimNode[] {
  const best: { node: SimNode; share: bigint }[] = [];
  let shortest = 0;
  for (const node of nodes) {
    if (!test(node)) continue;
    const shared = commonPrefixLength(node.id, target);
    if (best.length >= count && shared < shortest) continue;
    best.push({ node, share: distance(node.id, target) });
    if (best.length < 4 * count) continue;
    shrink(best, count);
    shortest = commonPrefixLength(best.at(-1)!.node.id, target);
  }
  shrink(best, count);
  return best.map(({ node }) => node);
}

function shrink(best: { share: bigint }[], count: number): void {
  best.sort((a, b) => (a.share < b.share ? -1 : 1));
  best.length = Math.min(best.length, count);
}

/** The first 128 bits of the distance. */
function distance(a: Uint8Array, b: Uint8Array): bigint {
  let value = 0n;
  for (let index = 0; index < 16; index++) value = (value << 8n) | BigInt(a[index]! ^ b[index]!);
  return value;
}
