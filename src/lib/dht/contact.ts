import type { SocketAddress } from '../base/address.js';
import { nodeIdToBytes, type NodeId } from '../identity/node-id.js';

/** How a node can be reached: at its own public address, through a relay only, or not known yet. */
export type Reachability = 'public' | 'relayed' | 'unknown';

/** A node as the DHT speaks of it. */
export interface Contact {
  readonly nodeId: NodeId;
  /** The 32 bytes of `nodeId`, kept because distances are computed from them all the time. */
  readonly id: Uint8Array;
  readonly addresses: readonly SocketAddress[];
  readonly reachability: Reachability;
}

/** A contact of these parts. @param nodeId 64 lower-case hex characters */
export function contactOf(nodeId: NodeId, addresses: readonly SocketAddress[], reachability: Reachability = 'unknown'): Contact {
  return { nodeId, id: nodeIdToBytes(nodeId), addresses, reachability };
}
