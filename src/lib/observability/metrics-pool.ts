import { by, combinations, fedBy, readFrom, type MetricSpec } from './metric.js';
import { dialFailureCodes } from './metrics-peers.js';
import type { MetricSources } from './metric-sources.js';

export const poolMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'pool'>('pool', [
    { name: 'macula_pool_connections', type: 'gauge', help: 'Connections in the pool now, those being dialled included.', read: ({ size }) => size },
    { name: 'macula_pool_connections_limit', type: 'gauge', help: 'Most connections the pool holds (MACULA_POOL_MAX_CONNECTIONS).', read: ({ max }) => max },
    {
      name: 'macula_pool_lookups_total',
      type: 'counter',
      help: 'Times a connection was asked for, by result: hit where none had to be dialled, otherwise miss.',
      labels: ['result'],
      read: ({ hits, misses }) => by('result', { hit: hits, miss: misses }),
    },
    { name: 'macula_pool_dials_total', type: 'counter', help: 'Dials of the pool.', read: ({ dials }) => dials },
    { name: 'macula_pool_evictions_total', type: 'counter', help: 'Connections the pool let go of, by reason.', labels: ['reason'], read: ({ evictions }) => by('reason', evictions) },
  ]),
  fedBy('pool:opened', {
    name: 'macula_pool_opened_total',
    type: 'counter',
    help: 'Connections that joined the pool, by who dialled.',
    labels: ['direction'],
    zeros: combinations({ direction: ['in', 'out'] }),
    take: ({ direction }) => [{ direction }, 1],
  }),
  fedBy('pool:closed', {
    name: 'macula_pool_closed_total',
    type: 'counter',
    help: 'Connections that left the pool, by reason; ended: either side closed it and the pool had no part in that.',
    labels: ['reason'],
    zeros: combinations({ reason: ['lru', 'idle', 'failed', 'ended'] }),
    take: ({ reason }) => [{ reason }, 1],
  }),
  fedBy('pool:dial-failed', {
    name: 'macula_pool_dials_failed_total',
    type: 'counter',
    help: 'Dials of the pool that failed, by reason.',
    labels: ['reason'],
    zeros: combinations({ reason: dialFailureCodes }),
    take: ({ code }) => [{ reason: code }, 1],
  }),
  fedBy('pool:excluded', { name: 'macula_pool_exclusions_total', type: 'counter', help: 'Times a peer was left alone for a while after failures in a row.', zeros: [{}], take: () => [{}, 1] }),
];
