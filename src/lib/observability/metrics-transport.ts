import { by, fedBy, latencyBuckets, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

export const transportMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'transport'>('transport', [
    { name: 'macula_transport_connections', type: 'gauge', help: 'QUIC connections established now.', read: ({ connections }) => connections },
    { name: 'macula_transport_half_open_handshakes', type: 'gauge', help: 'QUIC handshakes under way now that others began.', read: ({ halfOpen }) => halfOpen },
    {
      name: 'macula_transport_handshakes_total',
      type: 'counter',
      help: 'QUIC handshakes finished, by outcome: completed, or why they failed.',
      labels: ['outcome'],
      read: ({ handshakesCompleted, handshakesFailed }) => [[{ outcome: 'completed' }, handshakesCompleted], ...by('outcome', handshakesFailed)],
    },
    { name: 'macula_transport_retries_sent_total', type: 'counter', help: 'Retry packets sent to demand a token.', read: ({ retriesSent }) => retriesSent },
    {
      name: 'macula_transport_datagrams_total',
      type: 'counter',
      help: 'UDP datagrams by direction.',
      labels: ['direction'],
      read: ({ datagramsReceived, datagramsSent }) => by('direction', { received: datagramsReceived, sent: datagramsSent }),
    },
    {
      name: 'macula_transport_bytes_total',
      type: 'counter',
      help: 'UDP payload bytes by direction.',
      labels: ['direction'],
      read: ({ bytesReceived, bytesSent }) => by('direction', { received: bytesReceived, sent: bytesSent }),
    },
    {
      name: 'macula_transport_path_bytes_total',
      type: 'counter',
      help: 'UDP payload bytes by direction and path: through a relay to or from this node, or straight, which includes what this node relays for others.',
      labels: ['direction', 'path'],
      read: (counts) => [
        [{ direction: 'received', path: 'direct' }, counts.bytesReceived - counts.relayedBytesReceived],
        [{ direction: 'received', path: 'relay' }, counts.relayedBytesReceived],
        [{ direction: 'sent', path: 'direct' }, counts.bytesSent - counts.relayedBytesSent],
        [{ direction: 'sent', path: 'relay' }, counts.relayedBytesSent],
      ],
    },
    { name: 'macula_transport_receive_buffer_bytes', type: 'gauge', help: 'Receive buffer that the system gave the UDP socket.', read: ({ receiveBufferBytes }) => receiveBufferBytes },
    { name: 'macula_transport_socket_drops_total', type: 'counter', help: 'Datagrams the system dropped because the receive buffer was full; Linux only, looked at every 10 s.', read: ({ socketDrops }) => socketDrops },
    { name: 'macula_transport_dropped_datagrams_total', type: 'counter', help: 'Datagrams received and dropped, by reason.', labels: ['reason'], read: ({ dropped }) => by('reason', dropped) },
  ]),
  fedBy('transport:handshake', {
    name: 'macula_transport_handshake_duration_seconds',
    type: 'histogram',
    help: 'Time from the first packet of a QUIC handshake until it was completed, by our role.',
    labels: ['role'],
    buckets: latencyBuckets,
    zeros: [{ role: 'client' }, { role: 'server' }],
    take: ({ role, outcome, durationMs }) => (outcome === 'completed' ? [{ role }, durationMs / 1000] : undefined),
  }),
];
