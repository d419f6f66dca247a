import { by, fedBy, readFrom, type MetricSpec, type Sample } from './metric.js';
import type { CountsByReason, MetricSources } from './metric-sources.js';

/** Seconds: a punch takes under one, a birthday attempt some, waits between failed ones minutes. */
const timeToDirectBuckets = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

export const natMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'nat'>('nat', [
    { name: 'macula_nat_info', type: 'gauge', help: 'Always 1; what is known of the NATs between this node and others is in the labels.', labels: ['type', 'mapping', 'filtering'], read: ({ natType: type, mapping, filtering }) => [[{ type, mapping, filtering }, 1]] },
    { name: 'macula_nat_relays', type: 'gauge', help: 'Relays this node is reachable through now.', read: ({ relays }) => relays },
    { name: 'macula_nat_stun_requests_total', type: 'counter', help: 'STUN requests that came, by what became of them.', labels: ['result'], read: ({ stunRequests }) => by('result', stunRequests) },
    { name: 'macula_nat_measurements_total', type: 'counter', help: 'Looks at the NATs between this node and others, by result.', labels: ['result'], read: ({ measurements }) => by('result', measurements) },
    { name: 'macula_nat_port_mapped', type: 'gauge', help: '1 while a router forwards the port of the node at its wish.', read: ({ portMapped }) => Number(portMapped) },
    { name: 'macula_nat_port_mapping_requests_total', type: 'counter', help: 'Times the router was asked to forward the port, by result.', labels: ['result'], read: ({ portMappings }) => by('result', portMappings) },
    { name: 'macula_nat_punches_total', type: 'counter', help: 'Attempts at a direct path for a relayed connection, by technique and outcome.', labels: ['technique', 'outcome'], read: ({ punches }) => byTechnique(punches) },
    { name: 'macula_nat_punch_probes_total', type: 'counter', help: 'Probes sent in these attempts.', read: ({ punchProbes }) => punchProbes },
    { name: 'macula_nat_upgrades_total', type: 'counter', help: 'Connections that left their relay for a direct path.', read: ({ upgrades }) => upgrades },
    { name: 'macula_nat_fallbacks_total', type: 'counter', help: 'Connections that fell back from a direct path to a relay.', read: ({ fallbacks }) => fallbacks },
  ]),
  fedBy('nat:upgraded', {
    name: 'macula_nat_time_to_direct_seconds',
    type: 'histogram',
    help: 'Time from when packets took a relay until they took a direct path, of connections that got one.',
    buckets: timeToDirectBuckets,
    take: ({ afterMs }) => [{}, afterMs / 1000],
  }),
];

function byTechnique(punches: Readonly<Record<string, CountsByReason>>): Sample[] {
  return Object.entries(punches).flatMap(([technique, outcomes]) => Object.entries(outcomes).map(([outcome, count]): Sample => [{ technique, outcome }, count]));
}
