import { by, combinations, fedBy, latencyBuckets, readFrom, type MetricSpec } from './metric.js';
import type { MetricSources } from './metric-sources.js';

export const pubsubMetrics: readonly MetricSpec<MetricSources>[] = [
  ...readFrom<MetricSources, 'pubsub'>('pubsub', [
    { name: 'macula_pubsub_subscriptions', type: 'gauge', help: 'Subscriptions of this node now.', read: ({ subscriptions }) => subscriptions },
    { name: 'macula_pubsub_subscribers', type: 'gauge', help: 'Nodes subscribed here now.', read: ({ subscribers }) => subscribers },
    { name: 'macula_pubsub_publishers', type: 'gauge', help: 'Nodes this one is subscribed at now.', read: ({ publishers }) => publishers },
    { name: 'macula_pubsub_delegates', type: 'gauge', help: 'Subscribers that pass messages of this node on to others now.', read: ({ delegates }) => delegates },
    { name: 'macula_pubsub_queued_messages', type: 'gauge', help: 'Messages that wait for subscribers now.', read: ({ queuedMessages }) => queuedMessages },
    { name: 'macula_pubsub_queued_bytes', type: 'gauge', help: 'Bytes of messages that wait for subscribers now.', read: ({ queuedBytes }) => queuedBytes },
    { name: 'macula_pubsub_published_total', type: 'counter', help: 'Messages published here.', read: ({ published }) => published },
    { name: 'macula_pubsub_sent_total', type: 'counter', help: 'Messages sent to subscribers, once for each.', read: ({ messagesSent }) => messagesSent },
    { name: 'macula_pubsub_acknowledged_total', type: 'counter', help: 'Messages that subscribers acknowledged.', read: ({ messagesAcknowledged }) => messagesAcknowledged },
    { name: 'macula_pubsub_dropped_total', type: 'counter', help: 'Messages for subscribers that were dropped, by reason: a full queue, a lost connection, a subscriber that is gone.', labels: ['reason'], read: ({ messagesDropped }) => by('reason', messagesDropped) },
    { name: 'macula_pubsub_received_total', type: 'counter', help: 'Messages received from publishers.', read: ({ messagesReceived }) => messagesReceived },
    { name: 'macula_pubsub_delivered_total', type: 'counter', help: 'Messages delivered to subscriptions of this node.', read: ({ messagesDelivered }) => messagesDelivered },
    { name: 'macula_pubsub_duplicates_total', type: 'counter', help: 'Messages received more than once and delivered once.', read: ({ duplicates }) => duplicates },
    { name: 'macula_pubsub_missed_total', type: 'counter', help: 'Messages that never came, as gaps in their numbers show.', read: ({ messagesMissed }) => messagesMissed },
    { name: 'macula_pubsub_delegates_lost_total', type: 'counter', help: 'Delegates that failed, so that their share was taken over.', read: ({ delegatesLost }) => delegatesLost },
    { name: 'macula_pubsub_forwarded_total', type: 'counter', help: 'Messages of other publishers passed on to their subscribers, once for each.', read: ({ messagesForwarded }) => messagesForwarded },
    { name: 'macula_pubsub_refused_total', type: 'counter', help: 'Messages of peers refused, by reason.', labels: ['reason'], read: ({ refused }) => by('reason', refused) },
  ]),
  fedBy('pubsub:delivered', {
    name: 'macula_pubsub_delivery_duration_seconds',
    type: 'histogram',
    help: "Time from publishing until delivery here, for each message, by the publisher's clock and the one here; clocks that differ show in it.",
    buckets: latencyBuckets,
    take: ({ messages, latencyMs }) => [{}, latencyMs / 1000, messages],
  }),
  fedBy('pubsub:settled', {
    name: 'macula_pubsub_acknowledgement_duration_seconds',
    type: 'histogram',
    help: 'Time from publishing with QoS 1 until it was known of every subscriber whether it acknowledged the message.',
    buckets: latencyBuckets,
    take: ({ durationMs }) => [{}, durationMs / 1000],
  }),
  fedBy('pubsub:subscriber-removed', {
    name: 'macula_pubsub_subscribers_removed_total',
    type: 'counter',
    help: 'Nodes no longer subscribed here, by reason: they said so, acknowledged nothing for too long, or their queue was full.',
    labels: ['reason'],
    zeros: combinations({ reason: ['unsubscribed', 'dead', 'overflow'] }),
    take: ({ reason }) => [{ reason }, 1],
  }),
];
