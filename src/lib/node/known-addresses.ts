import type { SocketAddress } from '../base/address.js';
import type { Dht } from '../dht/dht.js';
import type { NodeId } from '../identity/node-id.js';
import type { PeerBook } from '../peers/peer-book.js';

/** Who may know where a node is; either may not be running. */
export interface AddressSources {
  readonly peerBook: Pick<PeerBook, 'addresses'> | undefined;
  readonly dht: Pick<Dht, 'contact'> | undefined;
}

/** Where a node is as far as this one knows without asking anybody: a peer it remembers, or else a node of its routing table. */
export function knownAddresses({ peerBook, dht }: AddressSources, nodeId: NodeId): readonly SocketAddress[] {
  const remembered = peerBook?.addresses(nodeId) ?? [];
  return remembered.length > 0 ? remembered : (dht?.contact(nodeId)?.addresses ?? []);
}
