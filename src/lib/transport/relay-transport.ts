import type { NodeId } from '../identity/node-id.js';
import type { Connection, RelayRoute } from './endpoint.js';

/**
 * Takes a datagram of a relay session this node is no end of. Returns why it is dropped, from a fixed set, or
 * undefined. Called for every such datagram: it must be fast, and must not keep the arguments.
 * @param idKey the session's id, as {@link relayIdKey} writes it
 * @param host of the sender, as the socket writes it
 */
export type RelayedListener = (idKey: string, datagram: Buffer, host: string, port: number) => string | undefined;

/** The part of an endpoint that relays and those who use them work with. */
export interface RelayTransport {
  /**
   * Makes this node an end of a relay's session: datagrams of it are taken from now on, and the route returned leads
   * to the other end. It is lost with the connection to the relay, unless it was joined anew over another one.
   * @param carrier connection to the relay
   * @param sessionId 16 hex digits
   * @param peer the node at the other end; handshakes from there are counted under it
   * @throws MaculaError MACULA_CONNECTION_CLOSED when the connection to the relay is gone
   */
  joinRelay(carrier: Connection, sessionId: string, peer: NodeId): RelayRoute;
  /** The session is over: connections leave the route at once. */
  leaveRelay(sessionId: string): void;
  /** Sets who takes datagrams of other sessions; undefined: nobody, they are dropped. */
  onRelayed(listener: RelayedListener | undefined): void;
  /** Whether an authenticated path of the connection leads to that source. @param host as the socket writes it */
  comesFrom(connection: Connection, host: string, port: number): boolean;
  /** Something that only this peer can know came from there: the source is probed as after a packet of the connection. */
  suspect(connection: Connection, host: string, port: number): void;
  /** Sends a datagram, unchanged, where packets of the connection go; false when that is not a direct way. */
  passOn(connection: Connection, datagram: Buffer): boolean;
}

/** The id of a relay session as {@link RelayedListener} gets it. @param sessionId 16 hex digits */
export function relayIdKey(sessionId: string): string {
  return Buffer.from(sessionId, 'hex').toString('latin1');
}
