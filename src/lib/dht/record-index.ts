import type { NodeId } from '../identity/node-id.js';
import { LazyHeap } from './lazy-heap.js';
import { isProviderSpace, type StoredRecord } from './stored-record.js';
import { compareDistance } from './xor.js';

/** The records of one provider key. */
interface ProviderList {
  readonly entries: Map<NodeId, StoredRecord>;
  /** By publisher id; made when asked for, dropped when the list changes. */
  sorted: readonly StoredRecord[] | undefined;
}

/** Records by slot, with everything counted and ordered that deciding needs. Decides nothing itself. */
export class RecordIndex {
  readonly #bySlot = new Map<string, StoredRecord>();
  readonly #providers = new Map<string, ProviderList>();
  readonly #perPublisher = new Map<string, number>();
  readonly #bytesPerSource = new Map<string, number>();
  readonly #byExpiry: LazyHeap<StoredRecord>;
  readonly #byDistance: LazyHeap<StoredRecord>;
  #bytes = 0;

  /** @param ownId 32 bytes; who is far from it is evicted first */
  constructor(ownId: Uint8Array) {
    const isLive = (entry: StoredRecord): boolean => this.#bySlot.get(entry.slot) === entry;
    this.#byExpiry = new LazyHeap((a, b) => a.expiresMs < b.expiresMs, isLive);
    this.#byDistance = new LazyHeap((a, b) => this.#isFurther(ownId, a, b), isLive);
  }

  get size(): number {
    return this.#bySlot.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(slot: string): StoredRecord | undefined {
    return this.#bySlot.get(slot);
  }

  entries(): Iterable<StoredRecord> {
    return this.#bySlot.values();
  }

  /** The records under a provider key, by publisher id. */
  providers(keyHex: string): readonly StoredRecord[] {
    const list = this.#providers.get(keyHex);
    if (list === undefined) return [];
    list.sorted ??= [...list.entries.values()].sort((a, b) => (a.publisher < b.publisher ? -1 : 1));
    return list.sorted;
  }

  providerCount(keyHex: string): number {
    return this.#providers.get(keyHex)?.entries.size ?? 0;
  }

  /** Records of a publisher that count together: provider records by themselves. */
  publisherCount(entry: Pick<StoredRecord, 'publisher' | 'space'>): number {
    return this.#perPublisher.get(quotaName(entry)) ?? 0;
  }

  sourceBytes(source: string): number {
    return this.#bytesPerSource.get(source) ?? 0;
  }

  /** Adds an entry whose slot is free. */
  add(entry: StoredRecord): void {
    this.#bySlot.set(entry.slot, entry);
    this.#count(entry, 1);
    if (isProviderSpace(entry.space)) {
      const list = this.#providers.get(entry.keyHex) ?? { entries: new Map<NodeId, StoredRecord>(), sorted: undefined };
      list.entries.set(entry.publisher, entry);
      list.sorted = undefined;
      this.#providers.set(entry.keyHex, list);
    }
    this.#byExpiry.push(entry);
    this.#byDistance.push(entry);
  }

  /** Removes an entry that is in the index. */
  remove(entry: StoredRecord): void {
    this.#bySlot.delete(entry.slot);
    this.#count(entry, -1);
    const list = this.#providers.get(entry.keyHex);
    if (list !== undefined && isProviderSpace(entry.space)) {
      list.entries.delete(entry.publisher);
      list.sorted = undefined;
      if (list.entries.size === 0) this.#providers.delete(entry.keyHex);
    }
    this.#byExpiry.noteStale();
    this.#byDistance.noteStale();
  }

  /** The entry that expires first. */
  firstToExpire(): StoredRecord | undefined {
    return this.#byExpiry.peek();
  }

  /**
   * Entries furthest from the own id, furthest first, that together free at least `bytes`, all of them further than
   * `key`; undefined if there are not that many.
   */
  furthest(bytes: number, key: Uint8Array, ownId: Uint8Array): readonly StoredRecord[] | undefined {
    const taken: StoredRecord[] = [];
    let freed = 0;
    while (freed < bytes) {
      const entry = this.#byDistance.peek();
      if (entry === undefined || compareDistance(ownId, entry.key, key) <= 0) break;
      this.#byDistance.pop();
      taken.push(entry);
      freed += entry.bytes;
    }
    for (const entry of taken) this.#byDistance.push(entry);
    return freed < bytes ? undefined : taken;
  }

  #isFurther(ownId: Uint8Array, a: StoredRecord, b: StoredRecord): boolean {
    const order = compareDistance(ownId, a.key, b.key);
    // Providers of one key are equally far; then the one with less life left goes first.
    return order > 0 || (order === 0 && a.expiresMs < b.expiresMs);
  }

  #count(entry: StoredRecord, sign: 1 | -1): void {
    this.#bytes += sign * entry.bytes;
    addTo(this.#perPublisher, quotaName(entry), sign);
    if (entry.source !== undefined) addTo(this.#bytesPerSource, entry.source, sign * entry.bytes);
  }
}

function quotaName({ publisher, space }: Pick<StoredRecord, 'publisher' | 'space'>): string {
  return isProviderSpace(space) ? `${publisher}/provider` : publisher;
}

function addTo(counts: Map<string, number>, name: string, change: number): void {
  const sum = (counts.get(name) ?? 0) + change;
  if (sum === 0) counts.delete(name);
  else counts.set(name, sum);
}
