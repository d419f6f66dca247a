import { MaculaError } from '../base/errors.js';
import type { ConnectionClose, Route } from './endpoint.js';
import type { QuicheConnection } from './quiche-binding.js';
import { describeRoute } from './route.js';

/** A close asked for on this side. */
export interface CloseRequest {
  readonly code: number;
  readonly reason: string;
  /** Whether packets that are ready are not to be sent any more. */
  readonly atOnce: boolean;
}

/** Longest reason sent or taken, in bytes: it has to fit into the smallest packet with room to spare. */
const maxReasonBytes = 512;

/** A reason as it is sent, cut to size at a character. */
export function encodeReason(reason: string): Uint8Array {
  const out = new Uint8Array(maxReasonBytes);
  return out.subarray(0, new TextEncoder().encodeInto(reason, out).written);
}

function textOf(reason: Uint8Array): string {
  return Buffer.from(reason.subarray(0, maxReasonBytes)).toString('utf8');
}

/** TLS alerts that a refused handshake ends with (RFC 8446 section 6; offset by RFC 9001 section 4.8). */
const alerts: Readonly<Record<number, string>> = {
  0x128: 'handshake failure',
  0x12a: 'bad certificate',
  0x12b: 'unsupported certificate',
  0x12d: 'certificate expired',
  0x12e: 'certificate unknown',
  0x130: 'unknown certificate authority',
  0x133: 'decrypt error',
  0x146: 'protocol version',
  0x174: 'certificate required',
  0x178: 'no common application protocol',
};

function transportReason(code: number, reason: Uint8Array): string {
  const text = textOf(reason);
  if (text !== '') return text;
  return alerts[code] ?? `QUIC error 0x${code.toString(16)}`;
}

/** Why a native connection that has ended did so. */
export function closeOf(native: QuicheConnection, request: CloseRequest | undefined): ConnectionClose {
  if (request) return { by: 'local', code: request.code, reason: request.reason };
  const peerError = native.peerError();
  if (peerError) {
    const { isApp, errorCode, reason } = peerError;
    if (isApp) return { by: 'remote', code: errorCode, reason: textOf(reason) };
    return { by: 'error', code: errorCode, reason: transportReason(errorCode, reason) };
  }
  if (native.isTimedOut()) return { by: 'timeout', code: 0, reason: 'nothing was heard from the peer' };
  const localError = native.localError();
  if (localError) return { by: 'error', code: localError.errorCode, reason: transportReason(localError.errorCode, localError.reason) };
  return { by: 'error', code: 0, reason: 'the connection was reset' };
}

/** How a failed handshake is counted, from a fixed set: the TLS alert it ended with where there was one, otherwise who ended it. */
export function handshakeOutcome({ by, code }: ConnectionClose): string {
  const alert = by === 'error' ? alerts[code] : undefined;
  return alert?.replaceAll(' ', '_') ?? by;
}

/** What a dial rejects with when the connection ended before it was established. */
export function dialError(close: ConnectionClose, route: Route): MaculaError {
  const address = describeRoute(route);
  const details = { address, closeCode: close.code, reason: close.reason };
  switch (close.by) {
    case 'timeout':
      return new MaculaError('MACULA_UNREACHABLE', `${address} does not answer`, { details });
    case 'remote':
    case 'error':
      return new MaculaError('MACULA_PEER_REFUSED', `${address} refused the connection: ${close.reason}`, { details });
    case 'local':
      return new MaculaError('MACULA_CONNECTION_CLOSED', `the connection to ${address} was closed here: ${close.reason}`, { details });
  }
}
