import type { VerifySignature } from '../identity/signing.js';
import { decodeRecord, type Checked, type DecodedRecord, type RecordFlaw, type SignedRecord } from './record.js';

/** How far ahead of this node's wall clock a record may have been made: clocks differ. */
export const clockToleranceMs = 10 * 60_000;

/** Why a replica does not even consider a record. */
export type VerificationRefusal =
  | RecordFlaw
  | 'wrong-realm'
  /** Made, or numbered, beyond the clock tolerance in the future. */
  | 'future'
  | 'expired'
  /** The signature is not by the publisher over this payload. */
  | 'forged';

/** What verifying needs to know. */
export interface VerifyContext {
  /** The own realm's id, 32 bytes. */
  readonly realmId: Uint8Array;
  readonly nowWallMs: number;
  /** The wall clock had it not been set since the start (steady-clock.ts): a record that is timely by it is timely. */
  readonly steadyWallMs?: number;
  readonly verify: VerifySignature;
}

/** Decodes a record of a stranger and judges everything about it that does not depend on what is stored; the signature last, as it costs most. */
export function verifyRecord(signed: SignedRecord, context: VerifyContext): Checked<VerificationRefusal> {
  const decoded = decodeRecord(signed);
  if (!decoded.ok) return decoded;
  const { record } = decoded;
  if (Buffer.compare(record.realmId, context.realmId) !== 0) return { ok: false, reason: 'wrong-realm', problem: 'the record belongs to another realm' };
  const untimely = timeProblem(record, context.nowWallMs);
  const { steadyWallMs } = context;
  if (untimely !== undefined && (steadyWallMs === undefined || timeProblem(record, steadyWallMs) !== undefined)) return { ok: false, ...untimely };
  if (context.verify(record.publicKey, signed.payload, signed.signature)) return decoded;
  return { ok: false, reason: 'forged', problem: 'the signature is not by the publisher over this payload' };
}

/**
 * The sequence is held to the clock as well: otherwise one record with the highest number of all would close a shared
 * key to everybody else for as long as it lives.
 */
function timeProblem(record: DecodedRecord, nowWallMs: number): { reason: VerificationRefusal; problem: string } | undefined {
  const latestMs = nowWallMs + clockToleranceMs;
  if (record.createdMs > latestMs) return { reason: 'future', problem: `made ${record.createdMs - nowWallMs} ms in the future` };
  if (record.sequence > latestMs) return { reason: 'future', problem: `the sequence ${record.sequence} is beyond the time in milliseconds` };
  const expiredMs = nowWallMs - record.createdMs - record.ttlMs;
  return expiredMs >= 0 ? { reason: 'expired', problem: `expired ${expiredMs} ms ago` } : undefined;
}
