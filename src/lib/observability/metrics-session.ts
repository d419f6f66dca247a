import { by, combinations, fedBy, readFrom, type MetricSpec } from './metric.js';
import { percentile } from './percentile.js';
import type { MetricSources } from './metric-sources.js';

/** Seconds a session lasts: from one that is dropped at once to a month. */
const lifetimeBuckets = [1, 10, 60, 600, 3600, 21_600, 86_400, 604_800, 2_592_000];

export const sessionMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'sessions'>('sessions', [
    { name: 'macula_sessions', type: 'gauge', help: 'Peers admitted and connected now.', read: ({ direct, relayed }) => direct + relayed },
    { name: 'macula_sessions_open', type: 'gauge', help: 'Peers admitted and connected now, by the path packets take.', labels: ['path'], read: ({ direct, relayed }) => by('path', { direct, relay: relayed }) },
    {
      name: 'macula_sessions_rtt_seconds',
      type: 'gauge',
      help: 'Smoothed round-trip times over all sessions now: least, median, 95th percentile and greatest; 0 without sessions.',
      labels: ['stat'],
      read: ({ rttsMs }) => by('stat', { min: percentile(rttsMs, 0) / 1000, p50: percentile(rttsMs, 0.5) / 1000, p95: percentile(rttsMs, 0.95) / 1000, max: percentile(rttsMs, 1) / 1000 }),
    },
    { name: 'macula_sessions_refused_total', type: 'counter', help: 'Connections that were not admitted, by reason.', labels: ['reason'], read: ({ refused }) => by('reason', refused) },
  ]),
  fedBy('session:opened', {
    name: 'macula_sessions_opened_total',
    type: 'counter',
    help: 'Peers admitted, by who dialled and by the path the session began on.',
    labels: ['direction', 'path'],
    zeros: combinations({ direction: ['in', 'out'], path: ['direct', 'relay'] }),
    take: ({ direction, path }) => [{ direction, path }, 1],
  }),
  fedBy('session:closed', {
    name: 'macula_sessions_closed_total',
    type: 'counter',
    help: 'Sessions that ended, by who or what ended them.',
    labels: ['by'],
    zeros: combinations({ by: ['local', 'remote', 'timeout', 'error'] }),
    take: (event) => [{ by: event.by }, 1],
  }),
  fedBy('session:closed', {
    name: 'macula_sessions_duration_seconds',
    type: 'histogram',
    help: 'How long sessions lasted that ended.',
    buckets: lifetimeBuckets,
    take: ({ durationMs }) => [{}, durationMs / 1000],
  }),
  fedBy('session:path-changed', {
    name: 'macula_sessions_path_changes_total',
    type: 'counter',
    help: 'Times packets of a live session took another route, by the kind of the old and the new one.',
    labels: ['from', 'to'],
    zeros: combinations({ from: ['direct', 'relay'], to: ['direct', 'relay'] }),
    take: ({ from, to }) => [{ from, to }, 1],
  }),
];
