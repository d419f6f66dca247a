import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';
import { MaculaError } from '../base/errors.js';

/** Bytes of the checksum in front of each value. */
const checksumBytes = 4;

/** A key that the decoder renames rather than let it set a prototype: what was read would not be what was written. */
const unreadableKey = '__proto__';

const packr = new Packr({ useRecords: false, moreTypes: false });

/**
 * Bytes of a value as they lie in the store: CRC-32 over key and payload (4 bytes, big-endian), then the value as
 * MessagePack. LMDB has no checksums of its own, so a flipped bit would otherwise be served as data.
 * @throws MaculaError MACULA_INVALID_VALUE for an object with a key `__proto__`, as in messages
 */
export function encodeRecord(key: string, value: unknown): Buffer {
  const payload = packr.pack(value);
  // Looking at the bytes is cheap and finds nothing nearly always.
  if (payload.includes(unreadableKey) && hasUnreadableKey(value)) throw new MaculaError('MACULA_INVALID_VALUE', `an object with a key ${unreadableKey} cannot be stored`);
  const record = Buffer.allocUnsafe(checksumBytes + payload.length);
  record.writeUInt32BE(crc32(payload, crc32(key)), 0);
  record.set(payload, checksumBytes);
  return record;
}

/** The inverse of {@link encodeRecord}; `ok` is false when the bytes are not what was written under this key. */
export function decodeRecord(key: string, record: Buffer): { ok: true; value: unknown } | { ok: false } {
  if (record.length < checksumBytes) return { ok: false };
  const payload = record.subarray(checksumBytes);
  if (record.readUInt32BE(0) !== crc32(payload, crc32(key))) return { ok: false };
  try {
    return { ok: true, value: packr.unpack(payload) };
  } catch {
    return { ok: false };
  }
}

function hasUnreadableKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return false;
  return Object.hasOwn(value, unreadableKey) || Object.values(value).some(hasUnreadableKey);
}
