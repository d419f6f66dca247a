import type { NodeId } from '../identity/node-id.js';
import type { RelayRoute } from './endpoint.js';
import { relayedPacketKind, smallPayloadBytes } from './datagram-kind.js';

/** Length of the id of a relay's session. */
export const relaySessionIdBytes = 8;
/** What stands before the QUIC packet or path probe in a relayed datagram: its kind and the session's id. */
export const relayHeaderBytes = 1 + relaySessionIdBytes;
/** Longest QUIC packet in a relayed datagram: some paths carry no more than they must. */
export const relayedPacketBytes = smallPayloadBytes - relayHeaderBytes;

/** Where datagrams go first, as the socket takes it: the peer itself, or, with a link, the relay. */
export interface Hop {
  readonly host: string;
  readonly port: number;
  readonly link: RelayLink | undefined;
}

/** A connection to a relay, as far as relayed datagrams follow it. */
export interface RelayCarrier {
  readonly isClosed: boolean;
  readonly routes: { readonly first: Hop; readonly second: Hop | undefined };
}

/** One session of a relay that this node is an end of. */
export class RelayLink {
  /** The session's id as maps of the endpoint have it. */
  readonly idKey: string;
  /** First bytes of each datagram. */
  readonly header: Buffer;

  /**
   * @param carrier connection to the relay: datagrams go where its packets go
   * @param peer the node at the other end
   */
  constructor(
    public carrier: RelayCarrier,
    readonly route: RelayRoute,
    readonly peer: NodeId,
  ) {
    const id = Buffer.from(route.sessionId, 'hex');
    if (id.length !== relaySessionIdBytes) throw new RangeError('the id of a relay session has 16 hex digits');
    this.idKey = id.toString('latin1');
    this.header = Buffer.concat([Buffer.of(relayedPacketKind), id]);
  }

  /** A datagram of this session around a packet. */
  wrap(packet: Uint8Array): Buffer {
    return Buffer.concat([this.header, packet]);
  }
}

/** Key of the session a relayed datagram belongs to; undefined when there is no packet in it. */
export function relaySessionKey(datagram: Buffer): string | undefined {
  return datagram.length > relayHeaderBytes ? datagram.toString('latin1', 1, relayHeaderBytes) : undefined;
}
