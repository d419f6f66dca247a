import type { DhtCounts, MetricSources, NodeCounts, PoolCounts, PubSubCounts, RelayCounts, RpcCounts, SessionCounts, TransportCounts } from '../observability/metric-sources.js';
import { natCounts } from './nat-counts.js';
import type { NodeHealth } from './node-health.js';
import type { NodeParts } from './node-parts.js';

const nothing: TransportCounts = {
  connections: 0,
  halfOpen: 0,
  handshakesCompleted: 0,
  handshakesFailed: {},
  retriesSent: 0,
  datagramsReceived: 0,
  datagramsSent: 0,
  bytesReceived: 0,
  bytesSent: 0,
  relayedBytesReceived: 0,
  relayedBytesSent: 0,
  receiveBufferBytes: 0,
  socketDrops: 0,
  dropped: {},
};

const noPeers = { connected: 0, connecting: 0, waiting: 0, refused: 0, known: 0 };

const noPool: PoolCounts = { size: 0, max: 0, hits: 0, misses: 0, dials: 0, evictions: { lru: 0, idle: 0, failed: 0 } };
const noDht: DhtCounts = {
  nodes: 0,
  records: 0,
  recordBytes: 0,
  cachedResults: 0,
  networkSize: 0,
  operationsRunning: 0,
  operationsWaiting: 0,
  requestsInFlight: 0,
  requestsSent: 0,
  requestsFailed: {},
  requestsServed: 0,
  requestsRefused: 0,
  writesFailed: 0,
};

const noRpc: RpcCounts = { calls: { running: 0, succeeded: 0, failed: 0, cancelled: 0, retries: 0, hedges: 0 }, serving: 0, remembered: 0 };
const noPubSub: PubSubCounts = {
  subscriptions: 0,
  subscribers: 0,
  publishers: 0,
  delegates: 0,
  queuedMessages: 0,
  queuedBytes: 0,
  published: 0,
  messagesSent: 0,
  messagesAcknowledged: 0,
  messagesDropped: {},
  messagesReceived: 0,
  messagesDelivered: 0,
  duplicates: 0,
  messagesMissed: 0,
  delegatesLost: 0,
  messagesForwarded: 0,
  refused: {},
};
/** With the zeros of what a relay that works meets. */
const noRelay: RelayCounts = {
  reservations: 0,
  sessions: 0,
  bytes: 0,
  datagrams: 0,
  opened: 0,
  refused: { disabled: 0, reservations: 0, 'no-reservation': 0, sessions: 0, 'sessions-of-peer': 0, 'not-direct': 0, requests: 0 },
  ended: { idle: 0, age: 0, 'peer-gone': 0, closed: 0, 'made-room': 0, stopping: 0 },
};

function relayCounts(parts: NodeParts): RelayCounts {
  const counts = parts.relayServer?.stats() ?? noRelay;
  return { ...counts, refused: { ...noRelay.refused, ...counts.refused }, ended: { ...noRelay.ended, ...counts.ended } };
}

function sessionCounts(parts: NodeParts): SessionCounts {
  const sessions = parts.sessions?.list() ?? [];
  const direct = sessions.filter(({ connection }) => connection.route.kind === 'direct').length;
  return { direct, relayed: sessions.length - direct, rttsMs: sessions.flatMap(({ rttMs }) => rttMs ?? []), refused: parts.refusals.byReason };
}

function nodeCounts(parts: NodeParts, health: NodeHealth): NodeCounts {
  const { live, ready, warnings } = health.report();
  const { store } = parts;
  return {
    live,
    ready,
    warnings,
    uptimeMs: health.uptimeMs,
    certificateExpiresSeconds: health.certificateExpiresSeconds,
    storeWritable: store !== undefined && store.writeFailure === undefined,
    storeSetAside: store?.setAside !== undefined,
    storeFileBytes: store?.fileBytes ?? 0,
    diskFreeBytes: parts.host?.latest.diskFreeBytes,
    restarts: parts.restarts.byReason,
  };
}

/** Where metrics read their numbers; parts that do not run count nothing. */
export function metricSources(parts: NodeParts, health: NodeHealth): MetricSources {
  return {
    node: () => nodeCounts(parts, health),
    transport: () => ({ ...nothing, ...parts.endpoint?.stats(), socketDrops: parts.host?.latest.socketDrops ?? 0 }),
    sessions: () => sessionCounts(parts),
    peers: () => parts.peers?.countPeers() ?? noPeers,
    pool: () => parts.pool?.stats() ?? noPool,
    dht: () => parts.dht?.stats() ?? noDht,
    rpc: () => parts.rpc?.stats() ?? noRpc,
    pubsub: () => parts.pubsub?.stats() ?? noPubSub,
    relay: () => relayCounts(parts),
    nat: () => natCounts(parts),
  };
}
