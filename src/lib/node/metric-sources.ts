import type { DhtCounts, MetricSources, NodeCounts, PoolCounts, SessionCounts, TransportCounts } from '../observability/metric-sources.js';
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

function sessionCounts(parts: NodeParts): SessionCounts {
  const sessions = parts.sessions?.list() ?? [];
  const direct = sessions.filter(({ connection }) => connection.route.kind === 'direct').length;
  return { direct, relayed: sessions.length - direct, rttsMs: sessions.flatMap(({ rttMs }) => rttMs ?? []), refused: parts.refusals.byReason };
}

function nodeCounts(parts: NodeParts, health: NodeHealth): NodeCounts {
  const { live, ready, warnings } = health.report();
  const of = (wanted: string): number => warnings.filter(({ severity }) => severity === wanted).length;
  const { store } = parts;
  return {
    live,
    ready,
    warnings: { low: of('low'), medium: of('medium'), high: of('high') },
    uptimeMs: health.uptimeMs,
    certificateExpiresSeconds: health.certificateExpiresSeconds,
    storeWritable: store !== undefined && store.writeFailure === undefined,
    storeSetAside: store?.setAside !== undefined,
    storeFileBytes: store?.fileBytes ?? 0,
    restarts: parts.restarts.byReason,
  };
}

/** Where metrics read their numbers; parts that do not run count nothing. */
export function metricSources(parts: NodeParts, health: NodeHealth): MetricSources {
  return {
    node: () => nodeCounts(parts, health),
    transport: () => parts.endpoint?.stats() ?? nothing,
    sessions: () => sessionCounts(parts),
    peers: () => parts.peers?.countPeers() ?? noPeers,
    pool: () => parts.pool?.stats() ?? noPool,
    dht: () => parts.dht?.stats() ?? noDht,
  };
}
