import { bytesBetween, tupleOf } from './fields.js';

/** A DHT record as it travels: the signature covers exactly the bytes of the payload (docs/PROTOCOL.md, "Records"). */
export interface SignedRecord {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Most bytes of a record's payload: a value of 64 KiB and room for what is around it. */
export const maxRecordPayloadBytes = 65 * 1024;
/** Most bytes of its signature: RSA of 4096 bits. */
export const maxRecordSignatureBytes = 512;

/** A record as a field of a message. */
export function recordField(record: SignedRecord): unknown {
  return [record.payload, record.signature];
}

/** Reads a record, its payload unread. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function recordOf(message: string, value: unknown): SignedRecord {
  const [payload, signature] = tupleOf(message, value, 2);
  return {
    payload: bytesBetween(message, 'payload', payload, 1, maxRecordPayloadBytes),
    signature: bytesBetween(message, 'signature', signature, 1, maxRecordSignatureBytes),
  };
}
