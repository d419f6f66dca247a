import type { SocketAddress } from '../base/address.js';
import { addressOf, addressTexts, bytesOf, integerOf, listOf, tupleOf } from './fields.js';

/** Most peers in one answer. */
export const maxExchangedPeers = 64;
/** Most addresses of one peer in an answer. */
export const maxExchangedAddresses = 8;

const nodeIdBytes = 32;

/** A peer as one node tells another of it. */
export interface ExchangedPeer {
  /** 64 lower-case hex characters. */
  readonly nodeId: string;
  readonly addresses: readonly SocketAddress[];
  /** Whole seconds since the teller last heard from the peer. */
  readonly ageSeconds: number;
}

/** Body of a PEER_EXCHANGE request. @param max peers wanted, 1 to {@link maxExchangedPeers} */
export function peerExchangeBody(max: number): unknown {
  return [max];
}

/** How many peers a PEER_EXCHANGE asks for. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readPeerExchange(body: unknown): number {
  const [max] = tupleOf('PEER_EXCHANGE', body, 1);
  return integerOf('PEER_EXCHANGE', 'max', max, 1, maxExchangedPeers);
}

/** Body of the answer; peers and addresses beyond the limits are left out. */
export function peerExchangeReplyBody(peers: readonly ExchangedPeer[]): unknown {
  return peers.slice(0, maxExchangedPeers).map((peer) => [
    Buffer.from(peer.nodeId, 'hex'),
    addressTexts(peer.addresses, maxExchangedAddresses),
    peer.ageSeconds,
  ]);
}

/** Reads the answer. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readPeerExchangeReply(body: unknown): ExchangedPeer[] {
  const message = 'PEER_EXCHANGE_REPLY';
  return listOf(message, 'peers', body, maxExchangedPeers, (item) => {
    const [nodeId, addresses, age] = tupleOf(message, item, 3);
    return {
      nodeId: Buffer.from(bytesOf(message, 'node id', nodeId, nodeIdBytes)).toString('hex'),
      addresses: listOf(message, 'addresses', addresses, maxExchangedAddresses, (address) => addressOf(message, 'address', address)),
      ageSeconds: integerOf(message, 'age', age, 0, 0xffff_ffff),
    };
  });
}
