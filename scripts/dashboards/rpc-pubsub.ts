import { now, quantile, rate, rateBy, type Dashboard } from './dashboard.js';

export const rpcAndPubSub: Dashboard = {
  uid: 'macula-rpc-pubsub',
  title: 'Macula / RPC and publish/subscribe',
  about: 'Calls on both sides, messages from publishing to delivery.',
  rows: [
    {
      title: 'Calls made',
      panels: [
        { title: 'Calls by outcome', about: 'Of programs on these nodes.', unit: 'reqps', stacked: true, queries: [[rateBy('outcome', 'macula_rpc_calls_total'), '{{outcome}}']] },
        { title: 'Calls that failed', about: 'Share of all that ended.', unit: 'percentunit', queries: [[`sum by (instance) (${rate('macula_rpc_calls_total', ',outcome="failed"')}) / sum by (instance) (${rate('macula_rpc_calls_total')})`, '{{instance}}']] },
        { title: 'Duration', about: 'Until the result, retries included; streams are left out.', unit: 's', queries: [[quantile(0.5, 'macula_rpc_call_duration_seconds'), 'median'], [quantile(0.95, 'macula_rpc_call_duration_seconds'), '95 %'], [quantile(0.99, 'macula_rpc_call_duration_seconds'), '99 %']] },
        { title: 'In flight', about: 'Calls that wait for their result now.', unit: 'short', queries: [[now('macula_rpc_calls_in_flight'), '{{instance}}']] },
        { title: 'Retries and hedges', about: 'Attempts beyond the first, and second copies because the first was slow.', unit: 'ops', queries: [[`sum(${rate('macula_rpc_retries_total')})`, 'retries'], [`sum(${rate('macula_rpc_hedges_total')})`, 'hedges']] },
        { title: 'Circuit breakers', about: 'Providers left alone after failures in a row, and those that answered again.', unit: 'ops', queries: [[rateBy('to', 'macula_rpc_circuit_changes_total'), '{{to}}']] },
      ],
    },
    {
      title: 'Calls served',
      panels: [
        { title: 'Served by outcome', about: 'refused: too many at once, or a caller that may not; repeated: answered as an earlier call was.', unit: 'reqps', stacked: true, queries: [[rateBy('outcome', 'macula_rpc_served_total'), '{{outcome}}']] },
        { title: 'Duration of procedures', about: 'From the call to the result, on the serving node.', unit: 's', queries: [[quantile(0.5, 'macula_rpc_served_duration_seconds'), 'median'], [quantile(0.99, 'macula_rpc_served_duration_seconds'), '99 %']] },
        { title: 'Being served', about: 'Now, and idempotent results that are remembered.', unit: 'short', queries: [[now('macula_rpc_serving'), '{{instance}}'], [now('macula_rpc_remembered_results'), '{{instance}} remembered']] },
      ],
    },
    {
      title: 'Messages',
      panels: [
        { title: 'Flow', about: 'Published, sent to subscribers (once for each), acknowledged, passed on for others.', unit: 'ops', queries: [[`sum(${rate('macula_pubsub_published_total')})`, 'published'], [`sum(${rate('macula_pubsub_sent_total')})`, 'sent'], [`sum(${rate('macula_pubsub_acknowledged_total')})`, 'acknowledged'], [`sum(${rate('macula_pubsub_forwarded_total')})`, 'passed on']] },
        { title: 'Delivery', about: 'Received, delivered to subscriptions, and received twice.', unit: 'ops', queries: [[`sum(${rate('macula_pubsub_received_total')})`, 'received'], [`sum(${rate('macula_pubsub_delivered_total')})`, 'delivered'], [`sum(${rate('macula_pubsub_duplicates_total')})`, 'duplicates']] },
        { title: 'Time to delivery', about: 'From publishing, by the clocks of both nodes.', unit: 's', queries: [[quantile(0.5, 'macula_pubsub_delivery_duration_seconds'), 'median'], [quantile(0.99, 'macula_pubsub_delivery_duration_seconds'), '99 %']] },
        { title: 'Time to all acknowledgements', about: 'Of messages with QoS 1, by one clock.', unit: 's', queries: [[quantile(0.5, 'macula_pubsub_acknowledgement_duration_seconds'), 'median'], [quantile(0.99, 'macula_pubsub_acknowledgement_duration_seconds'), '99 %']] },
        { title: 'Queues', about: 'Messages that wait for subscribers now.', unit: 'short', queries: [[now('macula_pubsub_queued_messages'), '{{instance}}']] },
        { title: 'Bytes in queues', about: 'The limit is MACULA_PUBSUB_QUEUE for each subscriber.', unit: 'bytes', queries: [[now('macula_pubsub_queued_bytes'), '{{instance}}']] },
        { title: 'Lost', about: 'Dropped for subscribers, refused from peers, and never received as gaps in numbers show.', unit: 'ops', queries: [[rateBy('reason', 'macula_pubsub_dropped_total'), 'dropped: {{reason}}'], [rateBy('reason', 'macula_pubsub_refused_total'), 'refused: {{reason}}'], [`sum(${rate('macula_pubsub_missed_total')})`, 'missed']] },
        { title: 'Who', about: 'Subscriptions of programs, nodes subscribed here, publishers subscribed at, delegates.', unit: 'short', queries: [[`sum(${now('macula_pubsub_subscriptions')})`, 'subscriptions'], [`sum(${now('macula_pubsub_subscribers')})`, 'subscribers'], [`sum(${now('macula_pubsub_publishers')})`, 'publishers'], [`sum(${now('macula_pubsub_delegates')})`, 'delegates']] },
        { title: 'Subscribers and delegates lost', about: 'Subscribers removed by reason; delegates whose share was taken over.', unit: 'ops', queries: [[rateBy('reason', 'macula_pubsub_subscribers_removed_total'), '{{reason}}'], [`sum(${rate('macula_pubsub_delegates_lost_total')})`, 'delegates lost']] },
      ],
    },
  ],
};
