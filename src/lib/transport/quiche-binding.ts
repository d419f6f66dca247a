import { quiche } from '@matrixai/quic/native/index.js';
import type { Config, Connection, Host, RecvInfo } from '@matrixai/quic/native/types.js';

/** The native QUIC library. No other file imports it. */
export { quiche };
export type QuicheConfig = Config;
export type QuicheConnection = Connection;
export type QuicheHost = Host;
export type QuicheRecvInfo = RecvInfo;

/** What the library threw: quiche's error name, and the code it carries where it carries one. */
export interface QuicheError {
  readonly name: string;
  readonly code: number | undefined;
}

/** Reads the error of a native call: `StreamReset(5)` becomes name `StreamReset`, code 5. */
export function quicheErrorOf(error: unknown): QuicheError {
  const text = error instanceof Error ? error.message : String(error);
  const match = /^([A-Za-z]+)\((\d+)\)$/.exec(text);
  if (!match) return { name: text, code: undefined };
  return { name: match[1]!, code: Number(match[2]) };
}

/** Largest application error code QUIC can carry (RFC 9000 section 16: variable-length integers of 62 bits). */
const maxCode = Number.MAX_SAFE_INTEGER;

/** A whole number in range, or a RangeError: a negative number in a native call ends the process. */
export function checkedInteger(what: string, value: number, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} must be a whole number from ${min} to ${max}, not ${value}`);
  }
  return value;
}

/** An application code fit for the native binding. @throws RangeError */
export function checkedCode(code: number): number {
  return checkedInteger('an application code', code, 0, maxCode);
}
