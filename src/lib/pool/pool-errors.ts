import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';

/** Nothing is dialled before start() and after stop(). */
export function stoppedError(): MaculaError {
  return new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running');
}

/** The peer's breaker is open. */
export function excludedError(nodeId: NodeId, { waitMs, failures }: { waitMs: number; failures: number }): MaculaError {
  return new MaculaError('MACULA_UNREACHABLE', `the peer failed ${failures} times in a row and is left alone for a while`, {
    details: { nodeId, failures, retryAfterMs: Math.ceil(waitMs) },
    hint: 'It is tried again by itself; look at it with `macula pool stats --connections`.',
  });
}

/** The peer of a connection that must stay does not answer now: whether it is gone is for the session's keepalive to find out. */
export function silentError(nodeId: NodeId): MaculaError {
  return new MaculaError('MACULA_UNREACHABLE', 'the peer does not answer now', { details: { nodeId } });
}

/** Every connection is in use or kept. */
export function fullError(poolMax: number): MaculaError {
  return new MaculaError('MACULA_OVERLOADED', 'all connections of the pool are in use', { details: { limit: 'poolMax', value: poolMax } });
}

/** Nobody knows where the peer is; says nothing about the peer itself. */
export function noAddressError(nodeId: NodeId): MaculaError {
  return new MaculaError('MACULA_UNREACHABLE', 'no address of the peer is known', { details: { nodeId, addresses: 0 } });
}

/** There was no connection to send a request over: it certainly did not run. */
export function unsentError({ code, message, hint, details, cause }: MaculaError): MaculaError {
  return new MaculaError(code, message, { hint, details: { ...details, executed: 'no' }, cause });
}
