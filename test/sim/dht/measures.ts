import { createHash } from 'node:crypto';
import type { GetResult, NodesResult, StoreResult } from '../../../src/lib/dht/dht-operations.js';
import { sharedKey } from '../../../src/lib/dht/record-keys.js';
import { decodeRecord } from '../../../src/lib/dht/record.js';
import { trueClosest } from './converged-tables.js';
import { realmId, settings, type SimNode } from './sim-node.js';
import type { SimNetwork } from './sim-network.js';

/** What lookups of random targets came to. */
export interface LookupReport {
  readonly lookups: number;
  /** Share whose result holds the truly closest live honest node. */
  readonly right: number;
  /** Share of the k truly closest live honest nodes among the results. */
  readonly recall: number;
  readonly hopsMean: number;
  readonly hopsP50: number;
  readonly hopsP99: number;
  readonly requestsMean: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
}

export interface ValueReport {
  readonly puts: number;
  readonly stored: number;
  readonly gets: number;
  readonly found: number;
  readonly putRequestsMean: number;
  readonly putP50Ms: number;
  readonly getP50Ms: number;
  readonly getP99Ms: number;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * Looks up random targets (or those given) from random honest nodes, one begun every `everyMs`. A node is held to be
 * findable when it lived through the lookup and had joined for a minute before.
 */
export function measureLookups(network: SimNetwork, count: number, everyMs: number, targetOf: (index: number) => Uint8Array = () => network.random.bytes(32)): LookupReport {
  const results: { result: NodesResult; right: boolean; recall: number }[] = [];
  const waiting = new Set<SimNode>();
  const beganMs = network.nowMs;
  let begun = 0;
  const begin = (): void => {
    begun++;
    const target = targetOf(begun);
    const asker = network.randomHonest();
    const before = new Set(network.live);
    waiting.add(asker);
    network.operate(asker, { type: 'find-node', target }, (result) => {
      waiting.delete(asker);
      if (result.type !== 'nodes') return;
      const expected = trueClosest(network.live, target, settings.dhtBucketSize, (node) => node.behaviour === 'honest' && node !== asker && before.has(node) && isSettled(network, node));
      const found = new Set(result.contacts.map(({ nodeId }) => nodeId));
      const hit = expected.filter(({ contact }) => found.has(contact.nodeId)).length;
      results.push({ result, right: found.has(expected[0]!.contact.nodeId), recall: hit / expected.length });
    });
    if (begun < count) network.queue.at(beganMs + begun * everyMs, begin);
  };
  network.queue.at(beganMs, begin);
  // Whoever dies while it asks never hears the answer; such lookups are not counted.
  network.queue.run(beganMs + count * everyMs + 60_000, () => begun === count && [...waiting].every(({ alive }) => !alive));
  const hops = results.map(({ result }) => result.hops);
  const durations = results.map(({ result }) => result.durationMs);
  return {
    lookups: results.length,
    right: results.filter(({ right }) => right).length / results.length,
    recall: mean(results.map(({ recall }) => recall)),
    hopsMean: mean(hops),
    hopsP50: percentile(hops, 0.5),
    hopsP99: percentile(hops, 0.99),
    requestsMean: mean(results.map(({ result }) => result.queried)),
    latencyP50Ms: percentile(durations, 0.5),
    latencyP99Ms: percentile(durations, 0.99),
  };
}

/** How long a node has to have been there to be expected in results. */
const settledMs = 60_000;

function isSettled(network: SimNetwork, node: SimNode): boolean {
  return node.startedMs <= Math.max(0, network.nowMs - settledMs);
}

function valueOf(name: string): Buffer {
  return createHash('sha512').update(name).digest();
}

/** Puts `count` values of 64 bytes, then reads each `reads` times at moments spread evenly over `overMs`, from random nodes. */
export function measureValues(network: SimNetwork, count: number, reads: number, overMs: number): ValueReport {
  const puts: StoreResult[] = [];
  const gets: { result: GetResult; right: boolean }[] = [];
  const names = Array.from({ length: count }, (_, index) => `value ${index} ${network.options.seed}`);
  const putEveryMs = 500;
  const beganMs = network.nowMs;
  const day = 86_400_000;
  const readFromMs = beganMs + count * putEveryMs + 10_000;
  const read = (name: string): void => {
    network.operate(network.randomHonest(), { type: 'get', key: sharedKey(realmId, name) }, (result) => {
      if (result.type !== 'get') return;
      const decoded = result.record && decodeRecord(result.record);
      gets.push({ result, right: decoded?.ok === true && Buffer.compare(decoded.record.body, valueOf(name)) === 0 });
    });
  };
  names.forEach((name, index) => {
    network.queue.at(beganMs + index * putEveryMs, () => {
      network.operate(network.randomHonest(), { type: 'put', key: sharedKey(realmId, name), body: valueOf(name), ttlMs: day }, (result) => {
        if (result.type !== 'store') return;
        puts.push(result);
        if (result.outcome !== 'stored') return;
        for (let round = 0; round < reads; round++) network.queue.at(readFromMs + ((round + index / count) * overMs) / reads, () => read(name));
      });
    });
  });
  // A reader that dies while it reads never hears the answer: such reads are not counted.
  network.queue.run(readFromMs + overMs + 30_000);
  const fromNetwork = gets.filter(({ result }) => result.source === 'network').map(({ result }) => result.durationMs);
  return {
    puts: puts.length,
    stored: puts.filter(({ outcome }) => outcome === 'stored').length,
    gets: gets.length,
    found: gets.filter(({ right }) => right).length / gets.length,
    putRequestsMean: mean(puts.map(({ queried, replicas }) => queried + replicas.length)),
    putP50Ms: percentile(puts.map(({ durationMs }) => durationMs), 0.5),
    getP50Ms: percentile(fromNetwork, 0.5),
    getP99Ms: percentile(fromNetwork, 0.99),
  };
}
