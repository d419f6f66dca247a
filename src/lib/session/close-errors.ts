import type { ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';
import { CloseCode, type ConnectionClose } from '../transport/endpoint.js';

/** Close codes that stand for an error with a name of its own, the same on both sides. */
const namedRefusals: ReadonlyMap<number, ErrorCode> = new Map([
  [CloseCode.protocolViolation, 'MACULA_PROTOCOL_VIOLATION'],
  [CloseCode.admissionTimeout, 'MACULA_TIMED_OUT'],
  [CloseCode.realmMismatch, 'MACULA_REALM_MISMATCH'],
  [CloseCode.realmProofFailed, 'MACULA_REALM_PROOF_FAILED'],
  [CloseCode.versionMismatch, 'MACULA_VERSION_MISMATCH'],
  [CloseCode.untrusted, 'MACULA_PEER_UNTRUSTED'],
  [CloseCode.overloaded, 'MACULA_OVERLOADED'],
]);

/** A connection that ended before the peer was admitted, as the error its dialler sees. */
export function refusalError(close: ConnectionClose): MaculaError {
  const details = { closeCode: close.code, by: close.by };
  if (close.by === 'timeout') return new MaculaError('MACULA_UNREACHABLE', 'the peer fell silent before it admitted this node', { details });
  if (close.by === 'error') return new MaculaError('MACULA_UNREACHABLE', `the connection failed before admission: ${close.reason}`, { details });
  const code = namedRefusals.get(close.code) ?? 'MACULA_PEER_REFUSED';
  const reason = close.reason === '' ? `close code ${close.code}` : close.reason;
  return new MaculaError(code, close.by === 'remote' ? `the other side refused: ${reason}` : reason, { details });
}

/** What a request that was waiting learns when its connection ends. */
export function closedError(close: ConnectionClose): MaculaError {
  const reason = close.reason === '' ? `code ${close.code}` : close.reason;
  return new MaculaError('MACULA_CONNECTION_CLOSED', `the connection to the peer ended: ${reason}`, { details: { closeCode: close.code, by: close.by } });
}
