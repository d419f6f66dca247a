import { by, combinations, fedBy, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

/** Reasons of the error catalogue that dials end with; zeros of others appear with their first event. */
export const dialFailureCodes = [
  'MACULA_UNREACHABLE', 'MACULA_TIMED_OUT', 'MACULA_PEER_REFUSED', 'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH',
  'MACULA_PEER_UNTRUSTED', 'MACULA_PIN_MISMATCH', 'MACULA_ID_MISMATCH', 'MACULA_CERTIFICATE_INVALID', 'MACULA_CERTIFICATE_EXPIRED', 'MACULA_OVERLOADED',
] as const;

export const peerMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'peers'>('peers', [
    { name: 'macula_peers', type: 'gauge', help: 'Supervised peers by state.', labels: ['state'], read: ({ connected, connecting, waiting, refused }) => by('state', { connected, connecting, waiting, refused }) },
    { name: 'macula_peers_known', type: 'gauge', help: 'Peers remembered on disk, so that a restart finds the mesh again.', read: ({ known }) => known },
  ]),
  fedBy('peers:connected', {
    name: 'macula_peers_connected_total',
    type: 'counter',
    help: 'Times a supervised peer came, by who dialled.',
    labels: ['direction'],
    zeros: combinations({ direction: ['in', 'out'] }),
    take: ({ direction }) => [{ direction }, 1],
  }),
  fedBy('peers:disconnected', { name: 'macula_peers_disconnected_total', type: 'counter', help: 'Times a supervised peer went.', zeros: [{}], take: () => [{}, 1] }),
  fedBy('peers:dial-failed', {
    name: 'macula_peers_dials_failed_total',
    type: 'counter',
    help: 'Dials of supervised peers that failed, by reason.',
    labels: ['reason'],
    zeros: combinations({ reason: dialFailureCodes }),
    take: ({ code }) => [{ reason: code }, 1],
  }),
];
