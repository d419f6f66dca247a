import type { NodeStatus, Peer } from '../../lib/control/protocol.js';
import type { MetricsResult } from '../../lib/control/protocol-metrics.js';
import type { PoolConnection, PoolStatsResult } from '../../lib/control/protocol-pool.js';
import { MetricSet, perSecond, quantilesMs } from './metric-set.js';

/** What the node said at one moment. */
export interface Snapshot {
  /** Wall clock, milliseconds since the Unix epoch; for display. */
  readonly wallMs: number;
  /** Monotonic clock, milliseconds; for rates. */
  readonly nowMs: number;
  readonly status: NodeStatus;
  readonly peers: readonly Peer[];
  readonly metrics: MetricsResult;
  readonly pool: PoolStatsResult;
}

/** Rates and times are null before the second snapshot, and where the node does not tell. */
export interface Activity {
  readonly perSecond: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** A peer as a row of the dashboard. */
export interface PeerRow {
  /** Names the row as long as the peer is there. */
  readonly key: string;
  readonly peer: Peer;
  readonly sentPerSecond: number | null;
  readonly receivedPerSecond: number | null;
  /** Round-trip times, oldest first. */
  readonly rttsMs: readonly number[];
  readonly connection: PoolConnection | undefined;
}

export interface TopView {
  readonly wallMs: number;
  readonly status: NodeStatus;
  readonly traffic: {
    readonly sentPerSecond: number | null;
    readonly receivedPerSecond: number | null;
    /** Share of the bytes that went straight, 0 to 1, since the last snapshot, or since the start where there was no traffic; null without any. */
    readonly directShare: number | null;
    /** Bytes a second both ways, oldest first. */
    readonly history: readonly number[];
  };
  readonly rpc: { readonly called: Activity; readonly served: Activity; readonly failedPerSecond: number | null; readonly inFlight: number | null };
  readonly pubsub: {
    readonly published: Activity;
    readonly delivered: Activity;
    readonly droppedPerSecond: number | null;
    readonly queued: number | null;
    readonly subscribers: number | null;
    readonly subscriptions: number | null;
  };
  readonly dht: Activity & { readonly recordBytes: number | null; readonly networkNodes: number | null };
  readonly pool: { readonly size: number; readonly max: number; readonly hitRate: number; readonly dialsPerSecond: number | null };
  readonly process: { readonly loopDelayMs: number | null; readonly memoryBytes: number | null };
  readonly rows: readonly PeerRow[];
}

/** Snapshots the histories hold: a minute at the usual interval. */
const historyLength = 60;

/** Turns snapshots into views: rates between two of them, histories over more. Pure: time comes in the snapshots. */
export class TopHistory {
  #last: { readonly snapshot: Snapshot; readonly metrics: MetricSet } | undefined;
  #traffic: number[] = [];
  #rtts = new Map<string, number[]>();

  add(snapshot: Snapshot): TopView {
    const before = this.#last;
    const metrics = new MetricSet(snapshot.metrics);
    // A node that was started again counts from zero, and its peers are new connections.
    const comparable = before && before.snapshot.status.pid === snapshot.status.pid ? before : undefined;
    const between = new Between(comparable?.metrics, metrics, comparable ? (snapshot.nowMs - comparable.snapshot.nowMs) / 1000 : 0);
    const view: TopView = {
      wallMs: snapshot.wallMs,
      status: snapshot.status,
      traffic: this.#trafficOf(between),
      rpc: rpcOf(between),
      pubsub: pubsubOf(between),
      dht: { ...between.activity('macula_dht_operations_total', 'macula_dht_operation_duration_seconds'), recordBytes: metrics.sum('macula_dht_record_bytes'), networkNodes: metrics.sum('macula_dht_network_nodes') },
      pool: { size: snapshot.pool.size, max: snapshot.pool.max, hitRate: snapshot.pool.hitRate, dialsPerSecond: between.rate('macula_pool_dials_total') },
      process: { loopDelayMs: milliseconds(metrics.sum('nodejs_eventloop_lag_p99_seconds')), memoryBytes: metrics.sum('process_resident_memory_bytes') },
      rows: this.#rowsOf(snapshot, comparable?.snapshot, between.seconds),
    };
    this.#last = { snapshot, metrics };
    return view;
  }

  #trafficOf(between: Between): TopView['traffic'] {
    const name = 'macula_transport_path_bytes_total';
    const sentPerSecond = between.rate(name, { direction: 'sent' });
    const receivedPerSecond = between.rate(name, { direction: 'received' });
    if (sentPerSecond !== null && receivedPerSecond !== null) this.#traffic = [...this.#traffic, sentPerSecond + receivedPerSecond].slice(-historyLength);
    const share = (direct: number | null, all: number | null): number | null => (direct === null || all === null || all <= 0 ? null : direct / all);
    const now = share(between.rate(name, { path: 'direct' }), between.rate(name));
    const ever = share(between.now.sum(name, { path: 'direct' }), between.now.sum(name));
    return { sentPerSecond, receivedPerSecond, directShare: now ?? ever, history: this.#traffic };
  }

  #rowsOf({ peers, pool }: Snapshot, before: Snapshot | undefined, seconds: number): PeerRow[] {
    const earlier = new Map(before?.peers.map((peer) => [keyOf(peer), peer]));
    const connections = new Map(pool.connections?.map((connection) => [connection.nodeId, connection]));
    const rtts = new Map<string, number[]>();
    const rows = peers.map((peer): PeerRow => {
      const key = keyOf(peer);
      const last = earlier.get(key);
      const history = [...(this.#rtts.get(key) ?? []), ...(peer.rttMs === null ? [] : [peer.rttMs])].slice(-historyLength);
      rtts.set(key, history);
      return {
        key, peer, rttsMs: history,
        sentPerSecond: perSecond(last?.bytesSent, peer.bytesSent, seconds),
        receivedPerSecond: perSecond(last?.bytesReceived, peer.bytesReceived, seconds),
        connection: peer.nodeId === null ? undefined : connections.get(peer.nodeId),
      };
    });
    this.#rtts = rtts;
    return rows;
  }
}

/** Two moments with the time between them. */
class Between {
  constructor(
    readonly before: MetricSet | undefined,
    readonly now: MetricSet,
    readonly seconds: number,
  ) {}

  rate(name: string, labels?: Readonly<Record<string, string>>): number | null {
    return perSecond(this.before?.sum(name, labels), this.now.sum(name, labels), this.seconds);
  }

  /** @param counter what is counted @param histogram how long it took */
  activity(counter: string, histogram: string, labels?: Readonly<Record<string, string>>): Activity {
    const [p50Ms, p99Ms] = quantilesMs(histogram, this.before, this.now, [0.5, 0.99]);
    return { perSecond: this.rate(counter, labels), p50Ms: p50Ms!, p99Ms: p99Ms! };
  }
}

function rpcOf(between: Between): TopView['rpc'] {
  return {
    called: between.activity('macula_rpc_calls_total', 'macula_rpc_call_duration_seconds'),
    served: between.activity('macula_rpc_served_total', 'macula_rpc_served_duration_seconds'),
    failedPerSecond: between.rate('macula_rpc_calls_total', { outcome: 'failed' }),
    inFlight: between.now.sum('macula_rpc_calls_in_flight'),
  };
}

function pubsubOf(between: Between): TopView['pubsub'] {
  return {
    published: between.activity('macula_pubsub_published_total', 'macula_pubsub_acknowledgement_duration_seconds'),
    delivered: between.activity('macula_pubsub_delivered_total', 'macula_pubsub_delivery_duration_seconds'),
    droppedPerSecond: between.rate('macula_pubsub_dropped_total'),
    queued: between.now.sum('macula_pubsub_queued_messages'),
    subscribers: between.now.sum('macula_pubsub_subscribers'),
    subscriptions: between.now.sum('macula_pubsub_subscriptions'),
  };
}

function keyOf({ nodeId, address }: Peer): string {
  return nodeId ?? `address ${address ?? '-'}`;
}

function milliseconds(seconds: number | null): number | null {
  return seconds === null ? null : seconds * 1000;
}
