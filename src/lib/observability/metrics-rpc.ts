import { by, combinations, fedBy, latencyBuckets, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

const outcomes = ['succeeded', 'failed', 'cancelled'];

export const rpcMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'rpc'>('rpc', [
    { name: 'macula_rpc_calls_in_flight', type: 'gauge', help: 'Calls this node makes that wait for their result now.', read: ({ calls }) => calls.running },
    {
      name: 'macula_rpc_calls_total',
      type: 'counter',
      help: 'Calls this node made, by what they came to.',
      labels: ['outcome'],
      read: ({ calls: { succeeded, failed, cancelled } }) => by('outcome', { succeeded, failed, cancelled }),
    },
    { name: 'macula_rpc_retries_total', type: 'counter', help: 'Attempts of calls beyond the first.', read: ({ calls }) => calls.retries },
    { name: 'macula_rpc_hedges_total', type: 'counter', help: 'Second copies of calls sent because the first was slow.', read: ({ calls }) => calls.hedges },
    { name: 'macula_rpc_serving', type: 'gauge', help: 'Calls being served now.', read: ({ serving }) => serving },
    { name: 'macula_rpc_remembered_results', type: 'gauge', help: 'Results of idempotent calls kept for callers that ask again.', read: ({ remembered }) => remembered },
  ]),
  fedBy('rpc:called', {
    name: 'macula_rpc_call_duration_seconds',
    type: 'histogram',
    help: 'Time from a call of this node until its result, retries included, by outcome; streams are left out.',
    labels: ['outcome'],
    buckets: latencyBuckets,
    zeros: combinations({ outcome: outcomes }),
    take: ({ outcome, streamed, durationMs }) => (streamed ? undefined : [{ outcome }, durationMs / 1000]),
  }),
  fedBy('rpc:served', {
    name: 'macula_rpc_served_total',
    type: 'counter',
    help: 'Calls served, by outcome; refused: too many at once or a caller that may not; repeated: idempotent calls that got the answer of an earlier one.',
    labels: ['outcome'],
    zeros: combinations({ outcome: [...outcomes, 'refused', 'repeated'] }),
    take: ({ outcome }) => [{ outcome }, 1],
  }),
  fedBy('rpc:served', {
    name: 'macula_rpc_served_duration_seconds',
    type: 'histogram',
    help: 'Time procedures took, by outcome; streams are left out.',
    labels: ['outcome'],
    buckets: latencyBuckets,
    zeros: combinations({ outcome: outcomes }),
    take: ({ outcome, streamed, durationMs }) => (streamed || durationMs === undefined ? undefined : [{ outcome }, durationMs / 1000]),
  }),
  fedBy('rpc:circuit', {
    name: 'macula_rpc_circuit_changes_total',
    type: 'counter',
    help: 'Times a provider was left alone after failures in a row (opened), or answered again (closed).',
    labels: ['to'],
    zeros: combinations({ to: ['opened', 'closed'] }),
    take: ({ to }) => [{ to }, 1],
  }),
];
