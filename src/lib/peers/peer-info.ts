import { formatAddress } from '../base/address.js';
import type { NodeId } from '../identity/node-id.js';
import { parseNodeId } from '../identity/node-id.js';
import type { Session } from '../session/session.js';
import type { PeerEntry, PeerFailure, PeerOrigin } from './peers-core.js';

/** A peer as lists show it. */
export interface PeerInfo {
  /** Undefined while a peer configured by address has not been reached. */
  readonly nodeId: NodeId | undefined;
  /** Where packets go now; while not connected, the URL's host and port if there is one. */
  readonly address: string | undefined;
  /** Undefined while not connected. */
  readonly path: 'direct' | 'relay' | undefined;
  /** The relay in between, if any. */
  readonly relay: NodeId | undefined;
  readonly direction: 'in' | 'out';
  readonly rttMs: number | undefined;
  /** waiting: pausing before the next dial; refused: one side does not want the other. */
  readonly state: 'connected' | 'connecting' | 'waiting' | 'refused';
  readonly connectedSeconds: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Of these, what went through a relay. */
  readonly relayedBytesSent: number;
  readonly relayedBytesReceived: number;
  readonly origin: PeerOrigin;
  /** Why it is not connected; undefined while connected or not tried. */
  readonly lastError: PeerFailure | undefined;
}

/** A connected peer. @param nowMs Clock.nowMs() */
export function connectedPeer(session: Session, entries: readonly PeerEntry[], nowMs: number): PeerInfo {
  const { connection } = session;
  const { route } = connection;
  const stats = connection.stats();
  return {
    nodeId: session.nodeId,
    address: formatAddress(route.kind === 'direct' ? route.address : route.via),
    path: route.kind,
    relay: route.kind === 'relay' ? route.relay : undefined,
    direction: session.direction,
    rttMs: session.rttMs,
    state: 'connected',
    connectedSeconds: Math.max(0, (nowMs - session.sinceMs) / 1000),
    bytesSent: stats.bytesSent,
    bytesReceived: stats.bytesReceived,
    relayedBytesSent: stats.relayedBytesSent,
    relayedBytesReceived: stats.relayedBytesReceived,
    origin: entries.find(({ origin }) => origin !== 'learned')?.origin ?? 'learned',
    lastError: undefined,
  };
}

/** A peer that is not connected. */
export function absentPeer(entry: PeerEntry): PeerInfo {
  const state = { ready: 'waiting', dialling: 'connecting', connected: 'connecting', waiting: 'waiting', refused: 'refused' } as const;
  return {
    nodeId: entry.nodeId,
    address: parseNodeId(entry.key) === undefined ? entry.key.replace(/^[a-z]+:\/\/([0-9a-f]{64}@)?/, '') : undefined,
    path: undefined,
    relay: undefined,
    direction: 'out',
    rttMs: undefined,
    state: state[entry.state.kind],
    connectedSeconds: 0,
    bytesSent: 0,
    bytesReceived: 0,
    relayedBytesSent: 0,
    relayedBytesReceived: 0,
    origin: entry.origin,
    lastError: entry.lastFailure,
  };
}
