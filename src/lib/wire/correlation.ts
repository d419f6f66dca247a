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
