import type { Peer, PingResult } from '../lib/control/protocol.js';
import { columns, humanBytes, humanMs, humanSeconds, printable, shortId } from './text.js';

const heading = ['NODE', 'ADDRESS', 'PATH', 'RTT', 'STATE', 'FOR', 'SENT', 'RECEIVED', 'RELAYED'];

function pathText(peer: Peer): string {
  if (peer.path === null) return '-';
  const way = peer.path === 'relay' && peer.relay !== null ? `relay ${shortId(peer.relay)}` : peer.path;
  return `${way} ${peer.direction}`;
}

/** Peers as a table, one line each. Ids are cut to what commands accept as one. */
export function peersText(peers: readonly Peer[]): string {
  if (peers.length === 0) return 'no peers yet';
  const rows = peers.map((peer) => [
    peer.nodeId === null ? '-' : peer.nodeId.slice(0, 16),
    printable(peer.address ?? '-'),
    pathText(peer),
    peer.rttMs === null ? '-' : humanMs(peer.rttMs),
    peer.error === null ? peer.state : `${peer.state}: ${printable(peer.error)}`,
    peer.state === 'connected' ? humanSeconds(peer.connectedSeconds) : '-',
    humanBytes(peer.bytesSent),
    humanBytes(peer.bytesReceived),
    humanBytes(peer.relayedBytesSent + peer.relayedBytesReceived),
  ]);
  return columns([heading, ...rows]);
}

/** One ping as a line. */
export function pingText(nodeId: string, result: PingResult): string {
  if ('error' in result) return `no answer from ${shortId(nodeId)} seq=${result.seq}: ${printable(result.error.message)}`;
  const way = result.path === 'relay' ? 'relay' : 'direct path';
  const via = result.via === null ? way : `${way} ${result.path === 'relay' ? shortId(result.via) : printable(result.via)}`;
  return `pong from ${shortId(nodeId)} seq=${result.seq} via ${via} in ${humanMs(result.rttMs)}`;
}
