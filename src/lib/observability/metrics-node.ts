import { by, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

export const nodeMetrics: readonly MetricSpec<MetricSources>[] = readFrom<MetricSources, 'node'>('node', [
  { name: 'macula_node_live', type: 'gauge', help: '1 while the node can go on, 0 when only a restart helps.', read: ({ live }) => Number(live) },
  { name: 'macula_node_ready', type: 'gauge', help: '1 while the node takes work, as /readyz says.', read: ({ ready }) => Number(ready) },
  { name: 'macula_node_warnings', type: 'gauge', help: 'Warnings of /health now, by severity.', labels: ['severity'], read: ({ warnings }) => by('severity', warnings) },
  { name: 'macula_node_uptime_seconds', type: 'gauge', help: 'Time since the node was started.', read: ({ uptimeMs }) => uptimeMs / 1000 },
  {
    name: 'macula_node_certificate_expiry_timestamp_seconds',
    type: 'gauge',
    help: 'When the certificate of the node expires, in seconds since the Unix epoch; 0 while it has none.',
    read: ({ certificateExpiresSeconds }) => certificateExpiresSeconds ?? 0,
  },
  { name: 'macula_node_restarts_total', type: 'counter', help: 'Failed subsystems that were started again, by subsystem.', labels: ['subsystem'], read: ({ restarts }) => by('subsystem', restarts) },
  { name: 'macula_store_writable', type: 'gauge', help: '1 while the store takes writes.', read: ({ storeWritable }) => Number(storeWritable) },
  { name: 'macula_store_set_aside', type: 'gauge', help: '1 when a damaged store was moved aside at start.', read: ({ storeSetAside }) => Number(storeSetAside) },
  { name: 'macula_store_file_bytes', type: 'gauge', help: 'Size of the data file of the store.', read: ({ storeFileBytes }) => storeFileBytes },
]);
