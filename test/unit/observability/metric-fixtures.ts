import type { MetricSources } from '../../../src/lib/observability/metric-sources.js';
import { warningCodes } from '../../../src/lib/observability/warning-catalogue.js';
import type { TelemetryEvents, TelemetryName } from '../../../src/lib/observability/telemetry-events.js';

/** Sources of which every number is the same; booleans are whether it is above 0. */
export function constantSources(value: () => number): MetricSources {
  return {
    node: () => ({
      live: value() > 0, ready: value() > 0, warnings: value() > 0 ? warningCodes.map((code) => ({ code, severity: 'high' as const })) : [], uptimeMs: value(), certificateExpiresSeconds: value(),
      storeWritable: value() > 0, storeSetAside: value() > 0, storeFileBytes: value(), diskFreeBytes: value(), restarts: { dht: value() },
    }),
    transport: () => ({
      connections: value(), halfOpen: value(), handshakesCompleted: value(), handshakesFailed: { timeout: value() }, retriesSent: value(), datagramsReceived: value(), datagramsSent: value(),
      bytesReceived: 3 * value(), bytesSent: 3 * value(), relayedBytesReceived: value(), relayedBytesSent: value(), receiveBufferBytes: value(), socketDrops: value(), dropped: { malformed: value() },
    }),
    sessions: () => ({ direct: value(), relayed: value(), rttsMs: [value()], refused: { MACULA_REALM_MISMATCH: value() } }),
    peers: () => ({ connected: value(), connecting: value(), waiting: value(), refused: value(), known: value() }),
    pool: () => ({ size: value(), max: value(), hits: value(), misses: value(), dials: value(), evictions: { lru: value() } }),
    dht: () => ({
      nodes: value(), records: value(), recordBytes: value(), cachedResults: value(), networkSize: value(), operationsRunning: value(), operationsWaiting: value(), requestsInFlight: value(),
      requestsSent: value(), requestsFailed: { 'timed-out': value() }, requestsServed: value(), requestsRefused: value(), writesFailed: value(),
    }),
    rpc: () => ({ calls: { running: value(), succeeded: value(), failed: value(), cancelled: value(), retries: value(), hedges: value() }, serving: value(), remembered: value() }),
    pubsub: () => ({
      subscriptions: value(), subscribers: value(), publishers: value(), delegates: value(), queuedMessages: value(), queuedBytes: value(), published: value(), messagesSent: value(),
      messagesAcknowledged: value(), messagesDropped: { overflow: value() }, messagesReceived: value(), messagesDelivered: value(), duplicates: value(), messagesMissed: value(), delegatesLost: value(), messagesForwarded: value(),
      refused: { signature: value() },
    }),
    relay: () => ({ reservations: value(), sessions: value(), bytes: value(), datagrams: value(), opened: value(), refused: { requests: value() }, ended: { idle: value() } }),
    nat: () => ({
      natType: value() > 0 ? 'symmetric' : 'unknown', mapping: 'unknown', filtering: 'unknown', relays: value(),
      stunRequests: { answered: value() }, measurements: { done: value() }, portMapped: value() > 0, portMappings: { granted: value() }, punches: { simple: { direct: value() } },
      punchProbes: value(), upgrades: value(), fallbacks: value(),
    }),
  };
}

const nodeId = 'a'.repeat(64);

/** Examples of every event. */
export const allEvents: { readonly [Name in TelemetryName]: readonly TelemetryEvents[Name][] } = {
  'transport:handshake': [{ role: 'client', outcome: 'completed', durationMs: 3 }, { role: 'server', outcome: 'timeout', durationMs: 3 }],
  'session:opened': [{ nodeId, direction: 'in', path: 'direct' }, { nodeId, direction: 'out', path: 'relay' }],
  'session:closed': [{ nodeId, by: 'remote', code: 0, reason: '', durationMs: 10_000 }],
  'session:refused': [{ nodeId, direction: 'in', code: 'MACULA_REALM_MISMATCH', reason: 'another realm' }],
  'session:path-changed': [{ nodeId, from: 'relay', to: 'direct' }],
  'peers:connected': [{ nodeId, direction: 'out' }],
  'peers:disconnected': [{ nodeId, reason: 'gone' }],
  'peers:dial-failed': [{ target: 'https://192.0.2.1:4433', nodeId: undefined, code: 'MACULA_UNREACHABLE', message: 'no answer' }],
  'pool:opened': [{ nodeId, direction: 'out' }],
  'pool:closed': [{ nodeId, reason: 'idle' }],
  'pool:dial-failed': [{ nodeId, code: 'MACULA_TIMED_OUT', message: 'no answer' }],
  'pool:excluded': [{ nodeId, forMs: 1000 }],
  'dht:operation': [
    { operation: 'get', outcome: 'found', durationMs: 3, source: 'network', hops: 2, queried: 5 },
    { operation: 'put', outcome: 'stored', durationMs: 3, source: undefined, hops: 2, queried: 5 },
    { operation: 'leave', outcome: 'done', durationMs: 3, source: undefined, hops: undefined, queried: undefined },
  ],
  'rpc:called': [{ procedure: 'sum', outcome: 'succeeded', streamed: false, durationMs: 3 }, { procedure: 'sum', outcome: 'failed', streamed: true, durationMs: 60_000 }],
  'rpc:served': [
    { procedure: 'sum', outcome: 'succeeded', streamed: false, durationMs: 3 },
    { procedure: 'sum', outcome: 'refused', streamed: false, durationMs: undefined },
  ],
  'rpc:circuit': [{ procedure: 'sum', nodeId, to: 'opened' }],
  'pubsub:subscriber-added': [{ nodeId }],
  'pubsub:subscriber-removed': [{ nodeId, reason: 'dead' }],
  'pubsub:delivered': [{ publisher: nodeId, topic: 'weather', messages: 3, latencyMs: 12 }],
  'pubsub:settled': [{ topic: 'weather', subscribers: 3, acknowledged: 2, durationMs: 20 }],
  'pubsub:dropped': [{ nodeId, topic: 'weather', messages: 3, reason: 'overflow' }],
  'nat:found': [{ natType: 'symmetric', mapping: 'address-and-port-dependent', filtering: 'unknown' }],
  'nat:punched': [{ nodeId, technique: 'simple', outcome: 'direct', durationMs: 300, punchingMs: 100, probes: 4 }],
  'nat:upgraded': [{ nodeId, afterMs: 700 }],
  'nat:fell-back': [{ nodeId }],
  'node:restarted': [{ subsystem: 'dht', error: 'it broke' }],
};
