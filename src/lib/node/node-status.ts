import type { NodeStatus, Peer } from '../control/protocol.js';
import type { TransportCounts } from '../observability/metric-sources.js';
import type { PeerInfo } from '../peers/peer-info.js';

/** A peer as the control socket shows it. */
export function peerOf(info: PeerInfo): Peer {
  const { lastError, origin: _origin, ...rest } = info;
  return {
    ...rest,
    nodeId: info.nodeId ?? null,
    address: info.address ?? null,
    path: info.path ?? null,
    relay: info.relay ?? null,
    rttMs: info.rttMs ?? null,
    error: lastError ? `${lastError.code}: ${lastError.message}` : null,
  };
}

/** How many are connected, and how. */
export function countPaths(peers: readonly PeerInfo[]): NodeStatus['peers'] {
  const connected = peers.filter((peer) => peer.state === 'connected');
  const direct = connected.filter((peer) => peer.path === 'direct').length;
  return { connected: connected.length, direct, relayed: connected.length - direct };
}

/** How much the DHT of this node knows and holds. */
export function sizeOfDht({ nodes, records }: { nodes: number; records: number }): NodeStatus['dht'] {
  return { nodes, records };
}

export function sizeOfPool({ size, max }: { size: number; max: number }): NodeStatus['pool'] {
  return { size, max };
}

/** The node in one line, as `systemctl status` shows it. */
export function nodeInOneLine({ state, peers: { connected, direct, relayed }, warnings }: Pick<NodeStatus, 'state' | 'peers' | 'warnings'>): string {
  const serious = warnings.filter(({ severity }) => severity !== 'low').map(({ code }) => code);
  return `${state}, ${connected} peers (${direct} direct, ${relayed} relayed)${serious.length > 0 ? `, warnings: ${serious.join(', ')}` : ''}`;
}

/** What the endpoint exchanged, by the way it took. @param counts undefined while it does not run */
export function trafficOf(counts: Pick<TransportCounts, 'bytesSent' | 'bytesReceived' | 'relayedBytesSent' | 'relayedBytesReceived'> | undefined): NodeStatus['traffic'] {
  const { bytesSent = 0, bytesReceived = 0, relayedBytesSent = 0, relayedBytesReceived = 0 } = counts ?? {};
  return {
    direct: { sent: Math.max(0, bytesSent - relayedBytesSent), received: Math.max(0, bytesReceived - relayedBytesReceived) },
    relayed: { sent: relayedBytesSent, received: relayedBytesReceived },
  };
}
