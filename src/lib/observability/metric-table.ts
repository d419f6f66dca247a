import type { MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';
import { dhtMetrics } from './metrics-dht.js';
import { natMetrics } from './metrics-nat.js';
import { nodeMetrics } from './metrics-node.js';
import { peerMetrics } from './metrics-peers.js';
import { poolMetrics } from './metrics-pool.js';
import { pubsubMetrics } from './metrics-pubsub.js';
import { relayMetrics } from './metrics-relay.js';
import { rpcMetrics } from './metrics-rpc.js';
import { sessionMetrics } from './metrics-session.js';
import { transportMetrics } from './metrics-transport.js';

/** A part of the node as the reference of metrics shows it. */
export interface MetricArea {
  readonly title: string;
  readonly metrics: readonly MetricSpec<MetricSources>[];
}

/** Every metric of Macula's own; those of the process and of Node.js come from prom-client. */
export const metricAreas: readonly MetricArea[] = [
  { title: 'Node', metrics: nodeMetrics },
  { title: 'Transport', metrics: transportMetrics },
  { title: 'Sessions', metrics: sessionMetrics },
  { title: 'Peers', metrics: peerMetrics },
  { title: 'Connection pool', metrics: poolMetrics },
  { title: 'DHT', metrics: dhtMetrics },
  { title: 'Remote procedure calls', metrics: rpcMetrics },
  { title: 'Publish/subscribe', metrics: pubsubMetrics },
  { title: 'Relaying for others', metrics: relayMetrics },
  { title: 'NATs', metrics: natMetrics },
];

/** The information metric, whose versions are in its labels. */
export const buildInfo = { name: 'macula_build_info', type: 'gauge', help: 'Always 1; versions are in the labels.', labels: ['version', 'node_version'] } as const;
