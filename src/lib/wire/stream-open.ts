import { textOf, tupleOf } from './fields.js';

/** Most bytes of the purpose in a STREAM_OPEN. */
export const maxPurposeBytes = 64;

/** STREAM_OPEN: says what a stream of its own carries. */
export interface StreamOpen {
  /** Names the handler on the other side. */
  readonly purpose: string;
  /** What that handler is told; its own to judge. */
  readonly header: unknown;
}

/** Body of STREAM_OPEN. @param purpose 1 to {@link maxPurposeBytes} bytes */
export function streamOpenBody(purpose: string, header: unknown): unknown {
  return [purpose, header];
}

/** Reads the body of STREAM_OPEN. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readStreamOpen(body: unknown): StreamOpen {
  const [purpose, header] = tupleOf('STREAM_OPEN', body, 2);
  return { purpose: textOf('STREAM_OPEN', 'purpose', purpose, maxPurposeBytes, 1), header };
}
