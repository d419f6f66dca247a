import type { NodeId } from '../identity/node-id.js';
import type { PeerInfo } from '../peers/peer-info.js';

/**
 * Connected peers whose connections the pool must leave alone, because the node would dial them again: those
 * configured or wanted, and learned ones up to `maxPeers` in all, those connected for longest first.
 */
export function keptPeers(peers: readonly PeerInfo[], maxPeers: number): NodeId[] {
  const connected = peers.filter(({ state }) => state === 'connected');
  const byAge = [...connected].sort((a, b) => b.connectedSeconds - a.connectedSeconds);
  const chosen = byAge.filter(({ origin }) => origin !== 'learned');
  const learned = byAge.filter(({ origin }) => origin === 'learned').slice(0, Math.max(0, maxPeers - chosen.length));
  return [...chosen, ...learned].flatMap(({ nodeId }) => nodeId ?? []);
}
