import { maxRecordPayloadBytes, maxRecordSignatureBytes } from '../wire/signed-record.js';
import { bytesBetween, integerOf, mapOf, textOf } from '../wire/fields.js';
import type { SequenceMark } from './sequence-marks.js';
import type { StoredRecord } from './stored-record.js';

/**
 * A clock that goes on across restarts. Ends of life are written down by it: it runs with the monotonic clock while the
 * node runs, so neither a restart nor a wall clock that jumps gives or takes more than {@link maxDowntimeMs}.
 */
export interface StoreTime {
  /** Milliseconds for which the store has been in use. */
  readonly storeMs: number;
  /** Wall clock at the same moment. */
  readonly wallMs: number;
}

/** A record in the durable store. */
export interface DurableRecord {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** End of its life in store time. */
  readonly expiresMs: number;
  readonly source: string | null;
}

/** What the durable store holds under one key. */
export type DurableValue = DurableRecord | SequenceMark | StoreTime;

/** Key of the {@link StoreTime}. */
export const timeKey = 'time';
/** Prefix of the keys of sequence marks. */
export const markPrefix = 'mark/';

/**
 * Most that a stop counts for: enough that providers of before a long outage are gone, little enough that a wall clock
 * which is a year off when the node starts ends no value.
 */
export const maxDowntimeMs = 60 * 60_000;

/** Store time at a start. @param written what was last written; undefined in a new store */
export function storeTimeAtStart(written: StoreTime | undefined, nowWallMs: number): number {
  if (written === undefined) return 0;
  return written.storeMs + Math.min(maxDowntimeMs, Math.max(0, nowWallMs - written.wallMs));
}

export function durableRecord(entry: StoredRecord, storeOffsetMs: number): DurableRecord {
  const { payload, signature } = entry.signed;
  return { payload, signature, expiresMs: Math.round(entry.expiresMs + storeOffsetMs), source: entry.source ?? null };
}

const what = 'stored record';

function timeOf(field: string, value: unknown): number {
  return integerOf(what, field, value, 0, Number.MAX_SAFE_INTEGER);
}

/** The inverse of {@link durableRecord}, whatever was in the store. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readDurableRecord(value: unknown): DurableRecord {
  const { payload, signature, expiresMs, source } = mapOf(what, value);
  return {
    payload: bytesBetween(what, 'payload', payload, 1, maxRecordPayloadBytes),
    signature: bytesBetween(what, 'signature', signature, 1, maxRecordSignatureBytes),
    expiresMs: timeOf('end of life', expiresMs),
    source: source === null ? null : textOf(what, 'source', source, 64),
  };
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readDurableMark(value: unknown): SequenceMark {
  const { sequence, expiresMs } = mapOf(what, value);
  return { sequence: timeOf('sequence', sequence), expiresMs: timeOf('end of life', expiresMs) };
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readStoreTime(value: unknown): StoreTime {
  const { storeMs, wallMs } = mapOf(what, value);
  return { storeMs: timeOf('store time', storeMs), wallMs: timeOf('wall time', wallMs) };
}
