import { by, combinations, fedBy, latencyBuckets, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

const hopBuckets = [0, 1, 2, 3, 4, 5, 6, 8, 10, 15];
const queriedBuckets = [0, 1, 2, 5, 10, 20, 30, 50, 100];

const reads = ['get', 'find-providers'];
const lookups = ['find-node', 'trace'];
const writes = ['put', 'delete', 'provide'];
const housekeeping = ['unprovide', 'provider-failed', 'leave'];

const outcomes = [
  ...combinations({ operation: reads, outcome: ['found', 'absent', 'failed'] }),
  ...combinations({ operation: writes, outcome: ['stored', 'under-replicated', 'stale', 'refused', 'failed'] }),
  ...combinations({ operation: [...lookups, ...housekeeping], outcome: ['done', 'failed'] }),
];

export const dhtMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'dht'>('dht', [
    { name: 'macula_dht_nodes', type: 'gauge', help: 'Nodes in the routing table now.', read: ({ nodes }) => nodes },
    { name: 'macula_dht_network_nodes', type: 'gauge', help: 'Nodes of the whole mesh, estimated from the density of ids around our own.', read: ({ networkSize }) => networkSize },
    { name: 'macula_dht_records', type: 'gauge', help: 'Records held for others and for itself now.', read: ({ records }) => records },
    { name: 'macula_dht_record_bytes', type: 'gauge', help: 'Bytes the records held take now, as the limit counts them.', read: ({ recordBytes }) => recordBytes },
    { name: 'macula_dht_cached_results', type: 'gauge', help: 'Results of reads in the cache now.', read: ({ cachedResults }) => cachedResults },
    { name: 'macula_dht_operations_running', type: 'gauge', help: 'Operations asked of the DHT here that run now.', read: ({ operationsRunning }) => operationsRunning },
    { name: 'macula_dht_operations_waiting', type: 'gauge', help: 'Operations asked of the DHT here that wait for others to end.', read: ({ operationsWaiting }) => operationsWaiting },
    { name: 'macula_dht_requests_in_flight', type: 'gauge', help: 'Requests to other nodes that wait for their answer now.', read: ({ requestsInFlight }) => requestsInFlight },
    { name: 'macula_dht_requests_sent_total', type: 'counter', help: 'Requests to other nodes.', read: ({ requestsSent }) => requestsSent },
    { name: 'macula_dht_requests_failed_total', type: 'counter', help: 'Requests to other nodes that brought no answer, by reason.', labels: ['reason'], read: ({ requestsFailed }) => by('reason', requestsFailed) },
    { name: 'macula_dht_requests_served_total', type: 'counter', help: 'Requests of other nodes that were answered.', read: ({ requestsServed }) => requestsServed },
    { name: 'macula_dht_requests_refused_total', type: 'counter', help: 'Requests of other nodes refused because too many were being served.', read: ({ requestsRefused }) => requestsRefused },
    { name: 'macula_dht_writes_failed_total', type: 'counter', help: 'Records that could not be written to disk.', read: ({ writesFailed }) => writesFailed },
  ]),
  fedBy('dht:operation', {
    name: 'macula_dht_operations_total',
    type: 'counter',
    help: 'Operations asked of the DHT here that came to their end, by what they came to.',
    labels: ['operation', 'outcome'],
    zeros: outcomes,
    take: ({ operation, outcome }) => [{ operation, outcome }, 1],
  }),
  fedBy('dht:operation', {
    name: 'macula_dht_operation_duration_seconds',
    type: 'histogram',
    help: 'How long operations asked of the DHT here took.',
    labels: ['operation'],
    buckets: latencyBuckets,
    zeros: combinations({ operation: [...reads, ...lookups, ...writes] }),
    take: ({ operation, durationMs }) => (housekeeping.includes(operation) ? undefined : [{ operation }, durationMs / 1000]),
  }),
  fedBy('dht:operation', {
    name: 'macula_dht_reads_total',
    type: 'counter',
    help: 'Reads by where their answer came from: the cache, what this node holds, or other nodes.',
    labels: ['source'],
    zeros: combinations({ source: ['cache', 'local', 'network'] }),
    take: ({ source }) => (source === undefined ? undefined : [{ source }, 1]),
  }),
  fedBy('dht:operation', {
    name: 'macula_dht_lookup_hops',
    type: 'histogram',
    help: 'Requests in a row that led to the result of an operation.',
    buckets: hopBuckets,
    take: ({ hops }) => (hops === undefined ? undefined : [{}, hops]),
  }),
  fedBy('dht:operation', {
    name: 'macula_dht_lookup_queried_nodes',
    type: 'histogram',
    help: 'Nodes asked for one operation.',
    buckets: queriedBuckets,
    take: ({ queried }) => (queried === undefined ? undefined : [{}, queried]),
  }),
];
