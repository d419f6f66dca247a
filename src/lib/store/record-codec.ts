import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';

/** Bytes of the checksum in front of each value. */
const checksumBytes = 4;

const packr = new Packr({ useRecords: false, moreTypes: false });

/**
 * Bytes of a value as they lie in the store: CRC-32 over key and payload (4 bytes, big-endian), then the value as
 * MessagePack. LMDB has no checksums of its own, so a flipped bit would otherwise be served as data.
 */
export function encodeRecord(key: string, value: unknown): Buffer {
  const payload = packr.pack(value);
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
