import type { MetricSources, TransportCounts } from '../observability/metrics.js';
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
  dropped: {},
};

const noPeers = { connected: 0, connecting: 0, waiting: 0, refused: 0 };

const noPool = { size: 0, hits: 0, misses: 0, dials: 0, evictions: { lru: 0, idle: 0, failed: 0 } };
const noDht = { nodes: 0, records: 0, recordBytes: 0, cachedResults: 0 };

/** Where metrics read their numbers; parts that do not run count nothing. */
export function metricSources(parts: NodeParts): MetricSources {
  return {
    transport: () => parts.endpoint?.stats() ?? nothing,
    sessions: () => ({ open: parts.sessions?.list().length ?? 0, refused: parts.refusals.byReason }),
    peers: () => {
      const { connected, connecting, waiting, refused } = parts.peers?.countPeers() ?? noPeers;
      return { connected, connecting, waiting, refused };
    },
    pool: () => parts.pool?.stats() ?? noPool,
    dht: () => parts.dht?.stats() ?? noDht,
  };
}
