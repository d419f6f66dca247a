import { by, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';
import { warningCodes } from './warning-catalogue.js';

const severities = ['low', 'medium', 'high'];

/** How many of `found` there are of each of `all`. */
function tally(all: readonly string[], found: readonly string[]): Record<string, number> {
  return Object.fromEntries(all.map((one) => [one, found.filter((other) => other === one).length]));
}

export const nodeMetrics: readonly MetricSpec<MetricSources>[] = readFrom<MetricSources, 'node'>('node', [
  { name: 'macula_node_live', type: 'gauge', help: '1 while the node can go on, 0 when only a restart helps.', read: ({ live }) => Number(live) },
  { name: 'macula_node_ready', type: 'gauge', help: '1 while the node takes work, as /readyz says.', read: ({ ready }) => Number(ready) },
  { name: 'macula_node_warnings', type: 'gauge', help: 'Warnings of /health now, by severity.', labels: ['severity'], read: ({ warnings }) => by('severity', tally(severities, warnings.map(({ severity }) => severity))) },
  { name: 'macula_node_warning', type: 'gauge', help: '1 while the warning of that code is given, otherwise 0; MONITORING.md lists the codes.', labels: ['code'], read: ({ warnings }) => by('code', tally(warningCodes, warnings.map(({ code }) => code))) },
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
  { name: 'macula_node_disk_free_bytes', type: 'gauge', help: 'Bytes the node may still write on the disk of its data directory, looked at every 10 s; no sample while not known.', read: ({ diskFreeBytes }) => (diskFreeBytes === undefined ? [] : [[{}, diskFreeBytes]]) },
]);
