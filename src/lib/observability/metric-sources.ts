import type { HealthWarning } from './warning-catalogue.js';

/** Counts by reason, all since start. */
export type CountsByReason = Readonly<Record<string, number>>;

/** What the QUIC endpoint counts. */
export interface TransportCounts {
  readonly connections: number;
  readonly halfOpen: number;
  readonly handshakesCompleted: number;
  readonly handshakesFailed: CountsByReason;
  readonly retriesSent: number;
  readonly datagramsReceived: number;
  readonly datagramsSent: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Of these, what went through a relay. */
  readonly relayedBytesReceived: number;
  readonly relayedBytesSent: number;
  /** Receive buffer that the system gave the node's socket. */
  readonly receiveBufferBytes: number;
  /** Datagrams the system dropped because that buffer was full. */
  readonly socketDrops: number;
  readonly dropped: CountsByReason;
}

/** Admitted peers now. */
export interface SessionCounts {
  readonly direct: number;
  readonly relayed: number;
  /** Smoothed round trips of the sessions, milliseconds, in no order. */
  readonly rttsMs: readonly number[];
  /** Connections that were not admitted. */
  readonly refused: CountsByReason;
}

export interface PeerCounts {
  readonly connected: number;
  readonly connecting: number;
  readonly waiting: number;
  readonly refused: number;
  /** Remembered on disk. */
  readonly known: number;
}

/** What the connection pool counts; all but `size` and `max` since start. */
export interface PoolCounts {
  readonly size: number;
  readonly max: number;
  readonly hits: number;
  readonly misses: number;
  readonly dials: number;
  readonly evictions: CountsByReason;
}

/** What the DHT holds now, and what its requests came to since start. */
export interface DhtCounts {
  readonly nodes: number;
  readonly records: number;
  readonly recordBytes: number;
  readonly cachedResults: number;
  /** Estimated. */
  readonly networkSize: number;
  readonly operationsRunning: number;
  readonly operationsWaiting: number;
  readonly requestsInFlight: number;
  readonly requestsSent: number;
  readonly requestsFailed: Readonly<Record<string, number | undefined>>;
  readonly requestsServed: number;
  readonly requestsRefused: number;
  readonly writesFailed: number;
}

/** Calls of procedures of other nodes. */
export interface RpcCounts {
  readonly calls: Readonly<Record<'running' | 'succeeded' | 'failed' | 'cancelled' | 'retries' | 'hedges', number>>;
  /** Calls being served. */
  readonly serving: number;
  /** Results of idempotent calls that are kept. */
  readonly remembered: number;
}

/** What publish/subscribe holds now and counted since start. */
export interface PubSubCounts {
  readonly subscriptions: number;
  readonly subscribers: number;
  readonly publishers: number;
  readonly delegates: number;
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  readonly published: number;
  readonly messagesSent: number;
  readonly messagesAcknowledged: number;
  readonly messagesDropped: CountsByReason;
  readonly messagesReceived: number;
  readonly messagesDelivered: number;
  readonly duplicates: number;
  readonly messagesMissed: number;
  readonly delegatesLost: number;
  readonly messagesForwarded: number;
  readonly refused: CountsByReason;
}

/** What this node does as a relay for others. */
export interface RelayCounts {
  readonly reservations: number;
  readonly sessions: number;
  readonly bytes: number;
  readonly datagrams: number;
  readonly opened: number;
  readonly refused: CountsByReason;
  readonly ended: CountsByReason;
}

/** What is done about NATs: STUN, discovery, port mapping, direct paths for relayed connections. */
export interface NatCounts {
  /** Kind of the NAT and its behaviour, `unknown` before anything was found. */
  readonly natType: string;
  readonly mapping: string;
  readonly filtering: string;
  /** Relays this node is reachable through. */
  readonly relays: number;
  readonly stunRequests: CountsByReason;
  readonly measurements: CountsByReason;
  /** Whether a router forwards the port now. */
  readonly portMapped: boolean;
  readonly portMappings: CountsByReason;
  /** Attempts at a direct path, by technique and outcome. */
  readonly punches: Readonly<Record<string, CountsByReason>>;
  readonly punchProbes: number;
  readonly upgrades: number;
  readonly fallbacks: number;
}

/** The node as a whole. */
export interface NodeCounts {
  readonly live: boolean;
  readonly ready: boolean;
  readonly warnings: readonly Pick<HealthWarning, 'code' | 'severity'>[];
  readonly uptimeMs: number;
  /** Seconds since the Unix epoch; undefined before there is a certificate. */
  readonly certificateExpiresSeconds: number | undefined;
  readonly storeWritable: boolean;
  readonly storeSetAside: boolean;
  readonly storeFileBytes: number;
  /** Undefined where not known. */
  readonly diskFreeBytes: number | undefined;
  /** Failed subsystems that were started again, by subsystem. */
  readonly restarts: CountsByReason;
}

/** Asked for its numbers each time metrics are read. */
export interface MetricSources {
  node(): NodeCounts;
  transport(): TransportCounts;
  sessions(): SessionCounts;
  peers(): PeerCounts;
  pool(): PoolCounts;
  dht(): DhtCounts;
  rpc(): RpcCounts;
  pubsub(): PubSubCounts;
  relay(): RelayCounts;
  nat(): NatCounts;
}
