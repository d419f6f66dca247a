import { bytesOf, integerOf, mapOf, textOf, truncateText, tupleOf } from './fields.js';
import { encodeBody } from './message-pack.js';

/** Most bytes of a procedure's name. */
export const maxProcedureBytes = 255;
/** Bytes of the id of an idempotent call. */
export const callIdBytes = 16;
/** Bytes of the token of an answer that is fetched. */
export const heldTokenBytes = 16;
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

/** How a procedure failed. */
export interface FailedReply {
  readonly ok: false;
  readonly status: number;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** An answer too large for a message: it is fetched on a stream. */
export interface HeldReply {
  readonly ok: 'held';
  /** Names it; good for the one it was sent to. */
  readonly token: Uint8Array;
  /** Payload bytes of the REPLY that will come. */
  readonly bytes: number;
}

/** REPLY: the procedure ran; what it returned, how it failed, or where that is. */
export type ReplyMessage = { readonly ok: true; readonly result: unknown } | FailedReply | HeldReply;

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

/** Body of a REPLY whose content is fetched on a stream. @param token {@link heldTokenBytes} random bytes */
export function heldBody(token: Uint8Array, bytes: number): unknown {
  return [null, [token, bytes]];
}

/** Reads the body of REPLY. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readReply(body: unknown): ReplyMessage {
  const [status, payload] = tupleOf('REPLY', body, 2);
  if (status === 0) return { ok: true, result: payload };
  if (status === null) return readHeld(payload);
  const [message, details] = tupleOf('REPLY', payload, 2);
  return {
    ok: false,
    status: integerOf('REPLY', 'status', status, 1, maxStatus),
    message: textOf('REPLY', 'message', message, maxFailureMessageBytes),
    details: mapOf('REPLY', details),
  };
}

function readHeld(payload: unknown): HeldReply {
  const [token, bytes] = tupleOf('REPLY', payload, 2);
  return { ok: 'held', token: bytesOf('REPLY', 'token', token, heldTokenBytes), bytes: integerOf('REPLY', 'bytes', bytes, 1, 0xffff_ffff) };
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
