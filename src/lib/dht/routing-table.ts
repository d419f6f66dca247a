import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import { KBucket, type TableEntry } from './k-bucket.js';
import { networkPrefix } from './network-prefix.js';
import { commonPrefixLength, compareDistance, distanceShare, idBits } from './xor.js';

export interface RoutingTableSettings {
  /** k: entries of a bucket, and contacts of an answer. */
  readonly bucketSize: number;
  /** Most entries of one /24 or /48 in the table and in a bucket. */
  readonly maxPerPrefix: number;
  readonly maxPerPrefixInBucket: number;
}

/** What became of a node that showed itself alive. */
export type Admission = 'added' | 'updated' | 'waiting' | 'refused';

/** Unanswered requests in a row after which an entry gives its place to one that waits, and after which it goes anyway. */
const failuresUntilReplaced = 2;
const failuresUntilRemoved = 3;

/**
 * The nodes we know, in buckets by the length of the prefix they share with our own id (Maymounkov and Mazières,
 * Kademlia, section 2.2). Live old entries beat newcomers; ids can be ground at will, so networks are limited too.
 */
export class RoutingTable {
  readonly #own: Uint8Array;
  readonly #settings: RoutingTableSettings;
  readonly #buckets: (KBucket | undefined)[] = new Array<undefined>(idBits).fill(undefined);
  /** Entries by network, of those that count. */
  readonly #networks = new Map<string, number>();
  #size = 0;
  #version = 0;

  constructor(own: Uint8Array, settings: RoutingTableSettings) {
    this.#own = own;
    this.#settings = settings;
  }

  get size(): number {
    return this.#size;
  }

  /** Changes whenever an entry comes or goes. */
  get version(): number {
    return this.#version;
  }

  get(nodeId: NodeId, id: Uint8Array): TableEntry | undefined {
    return this.#bucketOf(id)?.get(nodeId);
  }

  /** All entries, nearest bucket last. */
  *entries(): IterableIterator<TableEntry> {
    for (const bucket of this.#buckets) if (bucket) yield* bucket.entries();
  }

  /** A node answered us over an authenticated session: it comes in, moves up, or waits for a place. */
  admit(contact: Contact, nowMs: number): Admission {
    const index = commonPrefixLength(this.#own, contact.id);
    if (index === idBits) return 'refused';
    const bucket = (this.#buckets[index] ??= new KBucket(this.#settings.bucketSize, nowMs));
    const known = bucket.get(contact.nodeId);
    if (known) return this.#update(bucket, known, contact, nowMs);
    const entry: TableEntry = { contact, lastSeenMs: nowMs, failures: 0 };
    if (!this.#isDiverse(bucket, contact)) return 'refused';
    if (bucket.isFull && !this.#makeRoom(bucket, contact)) {
      bucket.keepWaiting(entry);
      return 'waiting';
    }
    this.#add(bucket, entry);
    return 'added';
  }

  /** Whether the node would get a place now, so that it is worth asking whether it answers. */
  wouldAdmit(contact: Contact): boolean {
    const index = commonPrefixLength(this.#own, contact.id);
    if (index === idBits) return false;
    const bucket = this.#buckets[index];
    if (!bucket) return this.#isDiverse(undefined, contact);
    if (bucket.get(contact.nodeId) || !this.#isDiverse(bucket, contact)) return false;
    return !bucket.isFull || this.#displaced(bucket, contact) !== undefined;
  }

  /** A request to the node went unanswered. Returns the entry if it left the table for it. */
  recordFailure(nodeId: NodeId, id: Uint8Array): TableEntry | undefined {
    const bucket = this.#bucketOf(id);
    if (!bucket) return undefined;
    bucket.removeWaiting(nodeId);
    const entry = bucket.get(nodeId);
    if (!entry) return undefined;
    entry.failures++;
    if (entry.failures < failuresUntilReplaced) return undefined;
    if (entry.failures < failuresUntilRemoved && bucket.waiting().length === 0) return undefined;
    return this.remove(nodeId, id);
  }

  /** Takes a node out; the best of those that wait takes its place. */
  remove(nodeId: NodeId, id: Uint8Array): TableEntry | undefined {
    const bucket = this.#bucketOf(id);
    const entry = bucket?.remove(nodeId);
    if (!bucket || !entry) return undefined;
    this.#count(entry.contact, -1);
    this.#size--;
    this.#version++;
    for (const candidate of bucket.waiting()) {
      if (!this.#isDiverse(bucket, candidate.contact)) continue;
      bucket.insert(candidate);
      this.#count(candidate.contact, 1);
      this.#size++;
      break;
    }
    return entry;
  }

  /** The closest to the target, closest first; those that failed lately only where `failedToo`. */
  closest(target: Uint8Array, count: number, failedToo = false): Contact[] {
    const found: Contact[] = [];
    const collect = (bucket: KBucket | undefined): void => {
      if (!bucket) return;
      for (const entry of bucket.entries()) if (failedToo || entry.failures === 0) found.push(entry.contact);
    };
    // Groups of buckets in the order of distance from the target: each is wholly closer than the next.
    const home = commonPrefixLength(this.#own, target);
    if (home < idBits) collect(this.#buckets[home]);
    if (found.length < count) for (let index = home + 1; index < idBits; index++) collect(this.#buckets[index]);
    for (let index = home - 1; index >= 0 && found.length < count; index--) collect(this.#buckets[index]);
    found.sort((a, b) => compareDistance(target, a.id, b.id));
    return found.length > count ? found.slice(0, count) : found;
  }

  /** The entries not heard of for longest, at most `count`, silent for at least `quietMs`. */
  stalest(count: number, quietMs: number, nowMs: number): TableEntry[] {
    const oldest: TableEntry[] = [];
    for (const bucket of this.#buckets) {
      if (!bucket) continue;
      let taken = 0;
      for (const entry of bucket.entries()) {
        if (taken++ === count || entry.lastSeenMs > nowMs - quietMs) break;
        oldest.push(entry);
      }
    }
    return oldest.sort((a, b) => a.lastSeenMs - b.lastSeenMs).slice(0, count);
  }

  /** A lookup of the target is about to visit its bucket. */
  touch(target: Uint8Array, nowMs: number): void {
    const bucket = this.#bucketOf(target);
    if (bucket) bucket.touchedMs = nowMs;
  }

  /** Shared prefix lengths of the buckets no lookup went into for `idleMs`; up to the deepest in use. */
  idleBuckets(idleMs: number, nowMs: number): number[] {
    return this.#buckets.flatMap((bucket, index) => (bucket && bucket.touchedMs <= nowMs - idleMs ? [index] : []));
  }

  /** Shared prefix length of the deepest bucket that holds a node; -1 while the table is empty. */
  deepest(): number {
    return this.#buckets.findLastIndex((bucket) => bucket !== undefined && bucket.size > 0);
  }

  /**
   * Nodes in the network, estimated from how close the nodes closest to us are: with n ids spread evenly, the i-th
   * closest lies at a share i/n of the space.
   */
  estimatedNetworkSize(): number {
    const nearest = this.closest(this.#own, this.#settings.bucketSize, true);
    if (nearest.length < this.#settings.bucketSize) return nearest.length + 1;
    return Math.max(nearest.length + 1, (nearest.length - 1) / distanceShare(this.#own, nearest.at(-1)!.id));
  }

  #bucketOf(id: Uint8Array): KBucket | undefined {
    const index = commonPrefixLength(this.#own, id);
    return index === idBits ? undefined : this.#buckets[index];
  }

  #update(bucket: KBucket, known: TableEntry, contact: Contact, nowMs: number): Admission {
    known.failures = 0;
    known.lastSeenMs = nowMs;
    if (known.contact !== contact && networkPrefix(known.contact) !== networkPrefix(contact)) {
      this.#count(known.contact, -1);
      bucket.remove(contact.nodeId);
      if (!this.#isDiverse(bucket, contact)) {
        this.#size--;
        this.#version++;
        return 'refused';
      }
      this.#count(contact, 1);
    }
    known.contact = contact;
    bucket.put(known);
    return 'updated';
  }

  #add(bucket: KBucket, entry: TableEntry): void {
    bucket.put(entry);
    this.#count(entry.contact, 1);
    this.#size++;
    this.#version++;
  }

  /** Who leaves a full bucket for this newcomer: one that no longer answers, or for a public node one only a relay reaches. */
  #displaced(bucket: KBucket, contact: Contact): TableEntry | undefined {
    const silent = bucket.oldest((entry) => entry.failures >= failuresUntilReplaced);
    if (silent || contact.reachability !== 'public') return silent;
    return bucket.oldest((entry) => entry.contact.reachability === 'relayed');
  }

  #makeRoom(bucket: KBucket, contact: Contact): boolean {
    const displaced = this.#displaced(bucket, contact);
    if (!displaced) return false;
    bucket.remove(displaced.contact.nodeId);
    this.#count(displaced.contact, -1);
    this.#size--;
    if (displaced.failures === 0) bucket.keepWaiting(displaced);
    return true;
  }

  #isDiverse(bucket: KBucket | undefined, contact: Contact): boolean {
    const network = networkPrefix(contact);
    if (network === undefined) return true;
    if ((this.#networks.get(network) ?? 0) >= this.#settings.maxPerPrefix) return false;
    if (!bucket) return true;
    let inBucket = 0;
    for (const entry of bucket.entries()) if (networkPrefix(entry.contact) === network) inBucket++;
    return inBucket < this.#settings.maxPerPrefixInBucket;
  }

  #count(contact: Contact, change: 1 | -1): void {
    const network = networkPrefix(contact);
    if (network === undefined) return;
    const count = (this.#networks.get(network) ?? 0) + change;
    if (count > 0) this.#networks.set(network, count);
    else this.#networks.delete(network);
  }
}
