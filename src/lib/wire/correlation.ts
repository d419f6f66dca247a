import { MaculaError } from '../base/errors.js';
import { decodeBody } from './message-pack.js';

/** Largest correlation id: ids are unsigned 32-bit and may wrap around. */
export const maxCorrelationId = 0xffff_ffff;

/** Payload of a frame with the request or reply flag. */
export interface Correlated {
  readonly id: number;
  readonly body: unknown;
}

/** Whether the value can be a correlation id. */
export function isCorrelationId(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value;
}

/**
 * Payload `[correlation id, body]` of a request or reply.
 * @throws MaculaError MACULA_PROTOCOL_VIOLATION
 */
export function decodeCorrelated(payload: Uint8Array): Correlated {
  const value = decodeBody(payload);
  if (!Array.isArray(value) || value.length !== 2 || !isCorrelationId(value[0])) {
    throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'request or reply without a correlation id');
  }
  return { id: value[0], body: value[1] as unknown };
}

/** Body of CANCEL: the sender no longer wants the answer to its request. */
export function cancelBody(id: number): unknown {
  return [id];
}

/** The correlation id a CANCEL names. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readCancel(body: unknown): number {
  if (!Array.isArray(body) || body.length !== 1 || !isCorrelationId(body[0])) {
    throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'malformed CANCEL: not an array of one correlation id');
  }
  return body[0];
}
