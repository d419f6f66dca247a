import { integerOf, textOf, truncateText, tupleOf } from './fields.js';

/** Most bytes of the reason in a DISCONNECT. */
export const maxReasonBytes = 256;

/** DISCONNECT: the sender is about to close the connection. */
export interface Disconnect {
  /** Application close code. */
  readonly code: number;
  /** Supplied by the peer: escape it before printing. */
  readonly reason: string;
}

/** Body of DISCONNECT; a longer reason is cut. */
export function disconnectBody(code: number, reason: string): unknown {
  return [code, truncateText(reason, maxReasonBytes)];
}

/** Reads the body of DISCONNECT. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readDisconnect(body: unknown): Disconnect {
  const [code, reason] = tupleOf('DISCONNECT', body, 2);
  return { code: integerOf('DISCONNECT', 'code', code, 0, 0xffff_ffff), reason: textOf('DISCONNECT', 'reason', reason, maxReasonBytes) };
}
