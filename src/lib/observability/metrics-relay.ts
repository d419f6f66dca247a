import { by, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

export const relayMetrics: readonly MetricSpec<MetricSources>[] = readFrom<MetricSources, 'relay'>('relay', [
  { name: 'macula_relay_reservations', type: 'gauge', help: 'Nodes that are reachable through this one now.', read: ({ reservations }) => reservations },
  { name: 'macula_relay_sessions', type: 'gauge', help: 'Pairs of nodes this one relays for now.', read: ({ sessions }) => sessions },
  { name: 'macula_relay_sessions_opened_total', type: 'counter', help: 'Pairs of nodes this one began to relay for.', read: ({ opened }) => opened },
  { name: 'macula_relay_sessions_ended_total', type: 'counter', help: 'Pairs of nodes this one no longer relays for, by reason.', labels: ['reason'], read: ({ ended }) => by('reason', ended) },
  { name: 'macula_relay_refusals_total', type: 'counter', help: 'Requests to relay that were refused, by reason.', labels: ['reason'], read: ({ refused }) => by('reason', refused) },
  { name: 'macula_relay_datagrams_total', type: 'counter', help: 'Datagrams this node relayed for others.', read: ({ datagrams }) => datagrams },
  { name: 'macula_relay_bytes_total', type: 'counter', help: 'Bytes this node relayed for others.', read: ({ bytes }) => bytes },
]);
