import { bytesOf, integerOf, mapOf, textOf, truncateText, tupleOf } from './fields.js';
import { encodeBody } from './message-pack.js';

/** Most bytes of a procedure's name. */
export const maxProcedureBytes = 255;
/** Bytes of the id of an idempotent call. */
export const callIdBytes = 16;
/** Longest time a caller may give a call: a day. */
export const maxRemainingMs = 86_400_000;
/** Most bytes of the message of a failure. */
export const maxFailureMessageBytes = 1024;
/** Most bytes the details of a failure take when sent. */
export const maxFailureDetailsBytes = 16 * 1024;
/** Largest status there is (gRPC's UNAUTHENTICATED). */
const maxStatus = 16;

/** CALL: asks for a procedure to be run. */
export interface CallMessage {
  readonly procedure: string;
  readonly args: unknown;
  /** Whole milliseconds the caller still waits. */
  readonly remainingMs: number;
  /** Present where the call is idempotent: the same id stands for the same call. */
  readonly callId: Uint8Array | undefined;
}

/** REPLY: the procedure ran; what it returned, or how it failed. */
export type ReplyMessage =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly status: number; readonly message: string; readonly details: Readonly<Record<string, unknown>> };

/** Body of CALL. @param remainingMs rounded up and kept within its range */
export function callBody(procedure: string, args: unknown, remainingMs: number, callId: Uint8Array | undefined): unknown {
  return [procedure, args, wholeMs(remainingMs), callId ?? null];
}

/** Reads the body of CALL. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readCall(body: unknown): CallMessage {
  const [procedure, args, remainingMs, callId] = tupleOf('CALL', body, 4);
  return {
    procedure: textOf('CALL', 'procedure', procedure, maxProcedureBytes, 1),
    args,
    remainingMs: integerOf('CALL', 'remaining time', remainingMs, 1, maxRemainingMs),
    callId: callId === null ? undefined : bytesOf('CALL', 'call id', callId, callIdBytes),
  };
}

/** Body of a REPLY that carries a result. */
export function resultBody(result: unknown): unknown {
  return [0, result];
}

/** Body of a REPLY that says how the procedure failed: message cut to size, details left out where they are large or cannot travel. */
export function failureBody(status: number, message: string, details: Readonly<Record<string, unknown>>): unknown {
  return [status, [truncateText(message, maxFailureMessageBytes), sendable(details)]];
}

/** Reads the body of REPLY. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readReply(body: unknown): ReplyMessage {
  const [status, payload] = tupleOf('REPLY', body, 2);
  if (status === 0) return { ok: true, result: payload };
  const [message, details] = tupleOf('REPLY', payload, 2);
  return {
    ok: false,
    status: integerOf('REPLY', 'status', status, 1, maxStatus),
    message: textOf('REPLY', 'message', message, maxFailureMessageBytes),
    details: mapOf('REPLY', details),
  };
}

/** Whole milliseconds as they travel: rounded up and kept within their range. */
export function wholeMs(milliseconds: number): number {
  return Math.min(maxRemainingMs, Math.max(1, Math.ceil(milliseconds)));
}

function sendable(details: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    return encodeBody(details).length <= maxFailureDetailsBytes ? details : {};
  } catch {
    return {};
  }
}
