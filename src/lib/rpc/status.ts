import type { ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';

/** How a call ended: the status codes of gRPC, with their numbers. */
export const RpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type RpcStatusName = keyof typeof RpcStatus;

const names = Object.keys(RpcStatus) as RpcStatusName[];

/** The name of a status; numbers nobody knows are UNKNOWN. */
export function statusName(status: number): RpcStatusName {
  return names[status] ?? 'UNKNOWN';
}

export function isStatusName(text: unknown): text is RpcStatusName {
  return typeof text === 'string' && Object.hasOwn(RpcStatus, text);
}

const byCode: Partial<Record<ErrorCode, RpcStatusName>> = {
  MACULA_ABORTED: 'CANCELLED',
  MACULA_INVALID_VALUE: 'INVALID_ARGUMENT',
  MACULA_USAGE: 'INVALID_ARGUMENT',
  MACULA_VALUE_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  MACULA_TIMED_OUT: 'DEADLINE_EXCEEDED',
  MACULA_NOT_FOUND: 'NOT_FOUND',
  MACULA_PEER_NOT_FOUND: 'NOT_FOUND',
  MACULA_ALREADY_SERVED: 'ALREADY_EXISTS',
  MACULA_FILE_EXISTS: 'ALREADY_EXISTS',
  MACULA_CALL_REFUSED: 'PERMISSION_DENIED',
  MACULA_PERMISSION_DENIED: 'PERMISSION_DENIED',
  MACULA_PEER_UNTRUSTED: 'PERMISSION_DENIED',
  MACULA_OVERLOADED: 'RESOURCE_EXHAUSTED',
  MACULA_STALE_SEQUENCE: 'FAILED_PRECONDITION',
  MACULA_NO_PROVIDER: 'UNIMPLEMENTED',
  MACULA_PROCEDURE_STREAMS: 'UNIMPLEMENTED',
  MACULA_UNEXPECTED: 'INTERNAL',
  MACULA_REMOTE_ERROR: 'INTERNAL',
  MACULA_PROTOCOL_VIOLATION: 'INTERNAL',
  MACULA_UNREACHABLE: 'UNAVAILABLE',
  MACULA_CONNECTION_CLOSED: 'UNAVAILABLE',
  MACULA_NO_NODE: 'UNAVAILABLE',
  MACULA_STORE_FAILED: 'UNAVAILABLE',
  MACULA_REALM_MISMATCH: 'UNAUTHENTICATED',
  MACULA_REALM_PROOF_FAILED: 'UNAUTHENTICATED',
  MACULA_ID_MISMATCH: 'UNAUTHENTICATED',
  MACULA_PIN_MISMATCH: 'UNAUTHENTICATED',
  MACULA_CERTIFICATE_INVALID: 'UNAUTHENTICATED',
  MACULA_CERTIFICATE_EXPIRED: 'UNAUTHENTICATED',
};

/** The status an error stands for: what its details say, else what its code means. */
export function statusOf({ code, details }: Pick<MaculaError, 'code' | 'details'>): RpcStatusName {
  if (isStatusName(details['status']) && details['status'] !== 'OK') return details['status'];
  return byCode[code] ?? 'UNKNOWN';
}

/**
 * The error a procedure throws to tell its caller how it failed. Any other error but a MaculaError reaches the caller as
 * UNKNOWN, without its message: bugs stay here.
 * @param details facts for programs, at most 16 KiB as MessagePack
 */
export function procedureError(status: Exclude<RpcStatusName, 'OK'>, message: string, details: Readonly<Record<string, unknown>> = {}): MaculaError {
  return new MaculaError('MACULA_CALL_FAILED', message, { details: { ...details, status } });
}

/**
 * Whether a call that ended so ran:
 * `no`: certainly not, it may be made again elsewhere; `maybe`: nobody knows; `yes`: it began.
 */
export type Executed = 'no' | 'maybe' | 'yes';

/** Ends before anything was sent, or answers a provider gives before it runs a procedure. */
const neverRan: ReadonlySet<ErrorCode> = new Set([
  'MACULA_UNREACHABLE', 'MACULA_OVERLOADED', 'MACULA_NO_PROVIDER', 'MACULA_NOT_FOUND', 'MACULA_CALL_REFUSED', 'MACULA_PROCEDURE_STREAMS', 'MACULA_PEER_NOT_FOUND', 'MACULA_SELF_DIAL',
  'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH', 'MACULA_PIN_MISMATCH', 'MACULA_ID_MISMATCH', 'MACULA_PEER_REFUSED',
  'MACULA_PEER_UNTRUSTED', 'MACULA_CERTIFICATE_INVALID', 'MACULA_CERTIFICATE_EXPIRED', 'MACULA_NO_NODE',
]);

/** What an attempt that ended with this error leaves known. */
export function executedOf({ code, details }: Pick<MaculaError, 'code' | 'details'>): Executed {
  if (code === 'MACULA_CALL_FAILED' || details['executed'] === 'yes') return 'yes';
  if (details['executed'] === 'no' || neverRan.has(code)) return 'no';
  return 'maybe';
}
