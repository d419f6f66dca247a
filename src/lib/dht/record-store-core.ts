import { clockToleranceMs } from './record-rules.js';
import { decodeRecord, maxTtlMs, type DecodedRecord, type SignedRecord } from './record.js';
import {
  durableRecord, markPrefix, readDurableMark, readDurableRecord, readStoreTime, storeTimeAtStart, timeKey, type DurableValue, type StoreTime,
} from './durable-record.js';
import { RecordIndex } from './record-index.js';
import { compareRecords } from './record-order.js';
import { markName, SequenceMarks } from './sequence-marks.js';
import { SteadyWallClock } from './steady-clock.js';
import { isProviderSpace, recordPrefix, slotOf, storedRecordOf, type StoredRecord } from './stored-record.js';

/** Limits of a store of records. */
export interface RecordStoreLimits {
  /** Bytes in all. */
  readonly maxBytes: number;
  /** Bytes that one network (address prefix) may have brought. */
  readonly maxBytesPerSource: number;
  /** Values and tombstones of one publisher; as many again of its provider records. */
  readonly maxRecordsPerPublisher: number;
  readonly maxProvidersPerKey: number;
  readonly maxSequenceMarks: number;
}

/** Why a valid record is not taken. */
export type StoreRefusal =
  /** Older than what its publisher had here before. */
  | 'stale-sequence'
  | 'expired'
  | 'publisher-quota'
  | 'source-quota'
  /** As many providers as one key can have. */
  | 'key-full'
  /** No room, and everything stored is closer to this node than the record. */
  | 'store-full';

/** What is to be done to the durable store, in this order. */
export type StoreEffect =
  | { readonly type: 'write'; readonly key: string; readonly value: DurableValue }
  | { readonly type: 'remove'; readonly key: string };

/** What a replica makes of a record. `effects` are to be carried out whatever the outcome. */
export type OfferResult = { readonly effects: readonly StoreEffect[] } & (
  /**
   * Confirm it to the one who offered it once the effects are on disk, then call {@link RecordStoreCore.written}, or
   * {@link RecordStoreCore.writeFailed}.
   */
  | { readonly kind: 'accepted'; readonly entry: StoredRecord }
  /** There is a record that is newer, or newer than the one expected. */
  | { readonly kind: 'newer'; readonly record: SignedRecord }
  | { readonly kind: 'refused'; readonly reason: StoreRefusal }
);

/** When a verified record is offered. */
export interface Offer {
  readonly record: DecodedRecord;
  /** Network of the peer that offers it; undefined where networks are not limited (own records, private ranges). */
  readonly source: string | undefined;
  /** Only if what is here has at most this sequence; 0: only if nothing is here. */
  readonly expectedSequence: number | undefined;
}

/** One page of a provider list. */
export interface ProviderPage {
  /** Providers and tombstones of providers that withdrew, by publisher id. */
  readonly entries: readonly StoredRecord[];
  readonly total: number;
}

/** How often store time is written down. */
const timeIntervalMs = 60_000;

/**
 * What a replica holds and accepts. No I/O: whatever must last comes out as effects, and what they wrote goes into
 * {@link restore} at the next start. Records must be verified (record-rules.ts) before they are offered.
 */
export class RecordStoreCore {
  readonly #ownId: Uint8Array;
  readonly #limits: RecordStoreLimits;
  readonly #index: RecordIndex;
  readonly #marks: SequenceMarks;
  /** Entries not on disk yet, with what is on disk instead of them. */
  readonly #unwritten = new Map<StoredRecord, StoredRecord | undefined>();
  /** Store time minus monotonic time. */
  #storeOffsetMs: number | undefined;
  #timeDueMs = -Infinity;
  #steady: SteadyWallClock | undefined;

  /** @param ownId this node's id, 32 bytes */
  constructor(ownId: Uint8Array, limits: RecordStoreLimits) {
    this.#ownId = ownId;
    this.#limits = limits;
    this.#index = new RecordIndex(ownId);
    this.#marks = new SequenceMarks(limits.maxSequenceMarks);
  }

  /** Records held, expired ones that were not removed yet included. */
  get size(): number {
    return this.#index.size;
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  get markCount(): number {
    return this.#marks.size;
  }

  /**
   * Takes over what an earlier run left, in any order. What cannot be read, has expired or finds no room is removed.
   * Must be called before anything is offered, if at all.
   */
  restore(stored: Iterable<readonly [string, unknown]>, nowMs: number, nowWallMs: number): StoreEffect[] {
    const effects: StoreEffect[] = [];
    const all = [...stored];
    this.#steady = new SteadyWallClock(nowMs, nowWallMs);
    this.#storeOffsetMs = storeTimeAtStart(readTime(all), nowWallMs) - nowMs;
    // Marks first: a record that has expired leaves one, which must not be lowered by an older one.
    for (const [key, value] of all) if (key.startsWith(markPrefix)) this.#restoreMark(key, value, nowMs, effects);
    for (const [key, value] of all) if (key.startsWith(recordPrefix)) this.#restoreRecord(key, value, nowMs, effects);
    return effects;
  }

  /** Judges a verified record and takes it if it may stay. */
  offer(offer: Offer, nowMs: number, nowWallMs: number): OfferResult {
    const { record, source, expectedSequence } = offer;
    const effects = this.#expire(nowMs);
    const current = this.#index.get(slotOf(record));
    if (current !== undefined) {
      const order = compareRecords(record, current);
      if (order === 0) return { kind: 'accepted', entry: current, effects: this.#again(current, effects, nowMs) };
      if (order < 0 || current.sequence > (expectedSequence ?? Infinity)) return { kind: 'newer', record: current.signed, effects };
    }
    if (record.sequence < this.#marks.lowest(record.keyHex, record.publisher)) return { kind: 'refused', reason: 'stale-sequence', effects };
    const lifeMs = this.#lifeLeft(record, nowMs, nowWallMs);
    if (lifeMs <= 0) return { kind: 'refused', reason: 'expired', effects };
    const entry = storedRecordOf(record, nowMs + lifeMs, source);
    const reason = this.#quotaExceeded(entry, current);
    if (reason !== undefined) return { kind: 'refused', reason, effects };
    const missingBytes = this.#index.bytes - (current?.bytes ?? 0) + entry.bytes - this.#limits.maxBytes;
    const evicted = missingBytes > 0 ? this.#index.furthest(missingBytes, entry.key, this.#ownId) : [];
    if (evicted === undefined) return { kind: 'refused', reason: 'store-full', effects };
    for (const furthest of evicted) this.#drop(furthest, nowMs, effects);
    this.#put(entry, current, nowMs, effects);
    return { kind: 'accepted', entry, effects };
  }

  /** The effects of accepting the entry are on disk. */
  written(entry: StoredRecord): void {
    if (this.#unwritten.delete(entry)) return;
    const current = this.#index.get(entry.slot);
    if (current !== undefined && this.#unwritten.has(current)) this.#unwritten.set(current, entry);
  }

  /** They could not be written: what is on disk instead is served again. */
  writeFailed(entry: StoredRecord): StoreEffect[] {
    const previous = this.#unwritten.get(entry);
    if (!this.#unwritten.delete(entry)) return [];
    this.#index.remove(entry);
    if (previous === undefined) return [];
    const fits = this.#index.bytes + previous.bytes <= this.#limits.maxBytes && this.#quotaExceeded(previous, undefined) === undefined;
    if (!fits) return [{ type: 'remove', key: previous.slot }];
    this.#index.add(previous);
    return [];
  }

  /** The value, peer record or tombstone under the key. */
  get(key: Uint8Array, nowMs: number): StoredRecord | undefined {
    const entry = this.#index.get(recordPrefix + hex(key));
    return entry !== undefined && entry.expiresMs > nowMs ? entry : undefined;
  }

  /** Up to `limit` of the provider records under the key, leaving out the first `offset`. */
  providers(key: Uint8Array, offset: number, limit: number, nowMs: number): ProviderPage {
    const alive = this.#index.providers(hex(key)).filter((entry) => entry.expiresMs > nowMs);
    return { entries: alive.slice(offset, offset + limit), total: alive.length };
  }

  /** All records that have not expired, for passing them on. */
  *records(nowMs: number): IterableIterator<StoredRecord> {
    for (const entry of this.#index.entries()) if (entry.expiresMs > nowMs) yield entry;
  }

  /** When {@link handleTimeout} is next worth calling; Infinity while there is nothing to do. */
  nextDeadline(): number {
    if (this.#index.size === 0 && this.#marks.size === 0) return Infinity;
    return Math.min(this.#timeDueMs, this.#index.firstToExpire()?.expiresMs ?? Infinity);
  }

  /** Removes what has expired and writes store time down now and then. */
  handleTimeout(nowMs: number, nowWallMs: number): StoreEffect[] {
    const effects = this.#expire(nowMs);
    if (nowMs < this.#timeDueMs) return effects;
    const storeNowMs = nowMs + this.#offset(nowMs);
    for (const name of this.#marks.expire(storeNowMs)) effects.push({ type: 'remove', key: markPrefix + name });
    effects.push(this.timeEffect(nowMs, nowWallMs));
    this.#timeDueMs = nowMs + timeIntervalMs;
    return effects;
  }

  /** Writes store time down; due at an orderly stop as well. */
  timeEffect(nowMs: number, nowWallMs: number): StoreEffect {
    return { type: 'write', key: timeKey, value: { storeMs: Math.round(nowMs + this.#offset(nowMs)), wallMs: Math.max(0, Math.round(nowWallMs)) } };
  }

  /** By the wall clock or, if that jumped and says less, by what it would read otherwise. */
  #lifeLeft(record: DecodedRecord, nowMs: number, nowWallMs: number): number {
    this.#steady ??= new SteadyWallClock(nowMs, nowWallMs);
    const earlierMs = Math.min(nowWallMs, this.#steady.wallMs(nowMs));
    return Math.min(record.ttlMs, record.createdMs + record.ttlMs - earlierMs);
  }

  #offset(nowMs: number): number {
    this.#storeOffsetMs ??= -nowMs;
    return this.#storeOffsetMs;
  }

  #quotaExceeded(entry: StoredRecord, current: StoredRecord | undefined): StoreRefusal | undefined {
    const { maxRecordsPerPublisher, maxProvidersPerKey, maxBytesPerSource } = this.#limits;
    if (current?.publisher !== entry.publisher && this.#index.publisherCount(entry) >= maxRecordsPerPublisher) return 'publisher-quota';
    if (isProviderSpace(entry.space) && current === undefined && this.#index.providerCount(entry.keyHex) >= maxProvidersPerKey) return 'key-full';
    if (entry.source === undefined) return undefined;
    const replacedBytes = current?.source === entry.source ? current.bytes : 0;
    return this.#index.sourceBytes(entry.source) - replacedBytes + entry.bytes > maxBytesPerSource ? 'source-quota' : undefined;
  }

  /** The record is here already; it counts as stored only once it is on disk. */
  #again(entry: StoredRecord, effects: StoreEffect[], nowMs: number): StoreEffect[] {
    if (this.#unwritten.has(entry)) effects.push(this.#writeEffect(entry, nowMs));
    return effects;
  }

  #put(entry: StoredRecord, current: StoredRecord | undefined, nowMs: number, effects: StoreEffect[]): void {
    if (current !== undefined) {
      if (current.publisher !== entry.publisher) this.#leaveMark(current, nowMs, effects);
      this.#index.remove(current);
    }
    const onDisk = current !== undefined && this.#unwritten.has(current) ? this.#unwritten.get(current) : current;
    if (current !== undefined) this.#unwritten.delete(current);
    this.#unwritten.set(entry, onDisk);
    this.#index.add(entry);
    effects.push(this.#writeEffect(entry, nowMs));
  }

  #writeEffect(entry: StoredRecord, nowMs: number): StoreEffect {
    return { type: 'write', key: entry.slot, value: durableRecord(entry, this.#offset(nowMs)) };
  }

  #expire(nowMs: number): StoreEffect[] {
    const effects: StoreEffect[] = [];
    for (let entry = this.#index.firstToExpire(); entry !== undefined && entry.expiresMs <= nowMs; entry = this.#index.firstToExpire()) {
      this.#drop(entry, nowMs, effects);
    }
    return effects;
  }

  #drop(entry: StoredRecord, nowMs: number, effects: StoreEffect[]): void {
    // Before the removal: after a crash between the two, the record leaves its mark at the next start.
    this.#leaveMark(entry, nowMs, effects);
    this.#index.remove(entry);
    this.#unwritten.delete(entry);
    effects.push({ type: 'remove', key: entry.slot });
  }

  /** Keeps older records of the publisher away for as long as one of them may be alive. */
  #leaveMark(entry: StoredRecord, nowMs: number, effects: StoreEffect[]): void {
    const longestLifeMs = clockToleranceMs + (isProviderSpace(entry.space) ? maxTtlMs.provider : maxTtlMs.value);
    const name = markName(entry.keyHex, entry.publisher);
    const { mark, dropped } = this.#marks.raise(name, entry.sequence, Math.round(nowMs + this.#offset(nowMs)) + longestLifeMs);
    effects.push({ type: 'write', key: markPrefix + name, value: mark });
    for (const other of dropped) effects.push({ type: 'remove', key: markPrefix + other });
  }

  #restoreMark(key: string, value: unknown, nowMs: number, effects: StoreEffect[]): void {
    const mark = readable(() => readDurableMark(value));
    if (mark === undefined || mark.expiresMs <= nowMs + this.#offset(nowMs)) {
      effects.push({ type: 'remove', key });
      return;
    }
    const { dropped } = this.#marks.raise(key.slice(markPrefix.length), mark.sequence, mark.expiresMs);
    for (const other of dropped) effects.push({ type: 'remove', key: markPrefix + other });
  }

  #restoreRecord(key: string, value: unknown, nowMs: number, effects: StoreEffect[]): void {
    const durable = readable(() => readDurableRecord(value));
    const decoded = durable && decodeRecord({ payload: durable.payload, signature: durable.signature });
    if (durable === undefined || !decoded?.ok || slotOf(decoded.record) !== key) {
      effects.push({ type: 'remove', key });
      return;
    }
    const { record } = decoded;
    const lifeMs = Math.min(record.ttlMs, durable.expiresMs - nowMs - this.#offset(nowMs));
    const entry = storedRecordOf(record, nowMs + lifeMs, durable.source ?? undefined);
    const fits = this.#index.bytes + entry.bytes <= this.#limits.maxBytes && this.#quotaExceeded(entry, undefined) === undefined;
    if (lifeMs > 0 && fits) {
      this.#index.add(entry);
      return;
    }
    this.#leaveMark(entry, nowMs, effects);
    effects.push({ type: 'remove', key });
  }
}

function hex(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('hex');
}

/** The value, or undefined for one that breaks the rules: a store that was tampered with must not keep a node from starting. */
function readable<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function readTime(stored: readonly (readonly [string, unknown])[]): StoreTime | undefined {
  const value = stored.find(([key]) => key === timeKey)?.[1];
  return value === undefined ? undefined : readable(() => readStoreTime(value));
}
