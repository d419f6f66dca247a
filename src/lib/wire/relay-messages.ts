import { formatAddress, type SocketAddress } from '../base/address.js';
import { addressOf, bytesOf, integerOf, malformed, textOf, tupleOf } from './fields.js';
import { relaysField, relaysOf, type RelayHint } from './peer-record.js';

const nodeIdBytes = 32;
const sessionIdBytes = 8;
/** Longest reservation a relay can grant, in seconds: a day. */
export const maxReservationSeconds = 24 * 60 * 60;
/** Most bytes of the reason in a RELAY_CLOSE. */
export const maxRelayReasonBytes = 32;

/** Body of RELAY_RESERVE: asks to be reachable through the receiver, or goes on being so. */
export function relayReserveBody(): unknown {
  return null;
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayReserve(body: unknown): void {
  if (body !== null) throw malformed('RELAY_RESERVE', 'not nil');
}

/** Body of the answer. @param seconds how long the reservation holds, whole seconds from 1 */
export function relayReserveReplyBody(seconds: number): unknown {
  return [seconds];
}

/** How long the reservation holds, whole seconds. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayReserveReply(body: unknown): number {
  const [seconds] = tupleOf('RELAY_RESERVE_REPLY', body, 1);
  return integerOf('RELAY_RESERVE_REPLY', 'lifetime', seconds, 1, maxReservationSeconds);
}

/** Body of RELAY_OPEN: asks for a session with a node. @param nodeId 64 hex characters */
export function relayOpenBody(nodeId: string): unknown {
  return [Buffer.from(nodeId, 'hex')];
}

/** The node a session is asked for with. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayOpen(body: unknown): string {
  const [nodeId] = tupleOf('RELAY_OPEN', body, 1);
  return hexOf(bytesOf('RELAY_OPEN', 'node id', nodeId, nodeIdBytes));
}

/** Body of the answer. @param sessionId 16 hex digits */
export function relayOpenReplyBody(sessionId: string): unknown {
  return [Buffer.from(sessionId, 'hex')];
}

/** The session's id, 16 hex digits. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayOpenReply(body: unknown): string {
  const [sessionId] = tupleOf('RELAY_OPEN_REPLY', body, 1);
  return hexOf(bytesOf('RELAY_OPEN_REPLY', 'session id', sessionId, sessionIdBytes));
}

/** RELAY_INCOMING: the relay opened a session with a node that holds a reservation. */
export interface RelayIncoming {
  /** 16 hex digits. */
  readonly sessionId: string;
  /** Who asked for it, 64 hex characters. */
  readonly nodeId: string;
}

export function relayIncomingBody({ sessionId, nodeId }: RelayIncoming): unknown {
  return [Buffer.from(sessionId, 'hex'), Buffer.from(nodeId, 'hex')];
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayIncoming(body: unknown): RelayIncoming {
  const message = 'RELAY_INCOMING';
  const [sessionId, nodeId] = tupleOf(message, body, 2);
  return { sessionId: hexOf(bytesOf(message, 'session id', sessionId, sessionIdBytes)), nodeId: hexOf(bytesOf(message, 'node id', nodeId, nodeIdBytes)) };
}

/** RELAY_CLOSE: a session is over. */
export interface RelayClose {
  /** 16 hex digits. */
  readonly sessionId: string;
  /** Lower-case words with dashes. */
  readonly reason: string;
}

export function relayCloseBody({ sessionId, reason }: RelayClose): unknown {
  return [Buffer.from(sessionId, 'hex'), reason];
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayClose(body: unknown): RelayClose {
  const message = 'RELAY_CLOSE';
  const [sessionId, reasonField] = tupleOf(message, body, 2);
  const reason = textOf(message, 'reason', reasonField, maxRelayReasonBytes, 1);
  // Told to people and counted: words and dashes only.
  if (!/^[a-z][a-z-]*$/.test(reason)) throw malformed(message, 'reason is not lower-case words with dashes');
  return { sessionId: hexOf(bytesOf(message, 'session id', sessionId, sessionIdBytes)), reason };
}

/** Body of RELAY_PEER: asks where the relay sees the other end of a session. @param sessionId 16 hex digits */
export function relayPeerBody(sessionId: string): unknown {
  return [Buffer.from(sessionId, 'hex')];
}

/** The session's id, 16 hex digits. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayPeer(body: unknown): string {
  const [sessionId] = tupleOf('RELAY_PEER', body, 1);
  return hexOf(bytesOf('RELAY_PEER', 'session id', sessionId, sessionIdBytes));
}

/** Body of the answer. @param address where the other end's own connection to the relay comes from */
export function relayPeerReplyBody(address: SocketAddress): unknown {
  return [formatAddress(address)];
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayPeerReply(body: unknown): SocketAddress {
  const [address] = tupleOf('RELAY_PEER_REPLY', body, 1);
  return addressOf('RELAY_PEER_REPLY', 'address', address);
}

/** Body of RELAYED_BY: through which relays the sender is reachable; none where it needs none. */
export function relayedByBody(relays: readonly RelayHint[]): unknown {
  return relaysField(relays);
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readRelayedBy(body: unknown): RelayHint[] {
  return relaysOf('RELAYED_BY', body);
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
