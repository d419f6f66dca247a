import type { NodeId } from '../identity/node-id.js';
import type { KeySpace } from './record-keys.js';
import type { DecodedRecord, RecordKind, SignedRecord } from './record.js';
import type { Ranked } from './record-order.js';

/** A record as a replica holds it. What it says beyond this is in `signed`. */
export interface StoredRecord extends Ranked {
  readonly kind: RecordKind;
  readonly space: KeySpace;
  readonly signed: SignedRecord;
  /** 32 bytes, and the same in hex. */
  readonly key: Uint8Array;
  readonly keyHex: string;
  readonly publisher: NodeId;
  readonly sequence: number;
  readonly createdMs: number;
  /** When it is gone, by the monotonic clock: a wall clock that jumps ends no record. */
  readonly expiresMs: number;
  /** Its name in the durable store: one per key, or per key and provider. */
  readonly slot: string;
  /** Bytes it counts for. */
  readonly bytes: number;
  /** Network it came from, where that is limited. */
  readonly source: string | undefined;
}

/** What an entry takes beside payload and signature: objects, keys in maps, places in heaps. Measured, so that the limit on bytes bounds memory. */
export const entryOverheadBytes = 1280;

/** Prefix of the slots of records in the durable store. */
export const recordPrefix = 'record/';

/** Whether many records can be under one key, one of each publisher. */
export function isProviderSpace(space: KeySpace): boolean {
  return space === 'procedure' || space === 'topic';
}

/** Name under which a record is held: what has the same one replaces it. */
export function slotOf(record: DecodedRecord): string {
  const { keyHex, publisher, key } = record;
  return isProviderSpace(key.space) ? `${recordPrefix}${keyHex}/${publisher}` : recordPrefix + keyHex;
}

/** The record as it is to be held. @param expiresMs on the monotonic clock */
export function storedRecordOf(record: DecodedRecord, expiresMs: number, source: string | undefined): StoredRecord {
  const { kind, key, signed, keyHex, publisher, sequence, createdMs } = record;
  const bytes = signed.payload.length + signed.signature.length + entryOverheadBytes;
  // Only what is asked for all the time is kept decoded: the body is in the payload already.
  return { kind, space: key.space, signed, key: key.bytes, keyHex, publisher, sequence, createdMs, expiresMs, slot: slotOf(record), bytes, source };
}
