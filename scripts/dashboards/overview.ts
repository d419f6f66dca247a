import { chosen, now, quantile, rate, rateBy, type Dashboard } from './dashboard.js';

export const overview: Dashboard = {
  uid: 'macula-overview',
  title: 'Macula / Overview',
  about: 'All nodes at a glance: whether they are well, what they do, and how fast.',
  rows: [
    {
      title: 'Health',
      panels: [
        { title: 'Nodes up', about: 'Nodes that answer Prometheus.', unit: 'short', kind: 'stat', width: 4, queries: [['count(macula_build_info)', 'nodes']] },
        { title: 'Ready', about: 'Nodes that take work, as /readyz says.', unit: 'short', kind: 'stat', width: 4, queries: [[`sum(${now('macula_node_ready')})`, 'ready']] },
        { title: 'Warnings', about: 'Warnings of /health; docs/MONITORING.md lists them with what to do.', unit: 'short', kind: 'stat', width: 4, queries: [[`sum by (severity) (${now('macula_node_warnings')})`, '{{severity}}']] },
        { title: 'Peers connected', about: 'Sessions by the path their packets take. One session counts at both of its ends.', unit: 'short', kind: 'stat', width: 4, queries: [[`sum by (path) (${now('macula_sessions_open')})`, '{{path}}']] },
        { title: 'Size of the mesh', about: 'As nodes estimate it from the density of ids around their own.', unit: 'short', kind: 'stat', width: 4, queries: [[`quantile(0.5, ${now('macula_dht_network_nodes')})`, 'nodes']] },
        { title: 'First certificate to expire', about: 'Time left.', unit: 'dtdurations', kind: 'stat', width: 4, queries: [[`min((${now('macula_node_certificate_expiry_timestamp_seconds')} > 0) - time())`, 'left']] },
        { title: 'Warnings by code', about: 'Which warnings were given when.', unit: 'short', width: 12, queries: [[`sum by (code) (${now('macula_node_warning')}) > 0`, '{{code}}']] },
        { title: 'Restarts of subsystems', about: 'A subsystem that failed was started again. Any at all are worth a look at the log.', unit: 'short', width: 12, queries: [[`sum by (instance, subsystem) (increase(macula_node_restarts_total{${chosen}}[$__rate_interval]))`, '{{instance}} {{subsystem}}']] },
      ],
    },
    {
      title: 'Traffic',
      panels: [
        { title: 'Bytes', about: 'UDP payload of all nodes, by direction and path.', unit: 'Bps', stacked: true, queries: [[rateBy('direction, path', 'macula_transport_path_bytes_total'), '{{direction}} {{path}}']] },
        { title: 'Calls', about: 'Calls made, by outcome.', unit: 'reqps', queries: [[rateBy('outcome', 'macula_rpc_calls_total'), '{{outcome}}']] },
        { title: 'Messages', about: 'Published, sent to subscribers, and delivered to subscriptions.', unit: 'ops', queries: [[`sum(${rate('macula_pubsub_published_total')})`, 'published'], [`sum(${rate('macula_pubsub_sent_total')})`, 'sent'], [`sum(${rate('macula_pubsub_delivered_total')})`, 'delivered']] },
      ],
    },
    {
      title: 'Latency',
      panels: [
        { title: 'Calls, 99 %', about: 'Time until the result, retries included.', unit: 's', queries: [[quantile(0.5, 'macula_rpc_call_duration_seconds'), 'median'], [quantile(0.99, 'macula_rpc_call_duration_seconds'), '99 %']] },
        { title: 'Delivery of messages, 99 %', about: 'Time from publishing to delivery. Clocks that differ show in it.', unit: 's', queries: [[quantile(0.5, 'macula_pubsub_delivery_duration_seconds'), 'median'], [quantile(0.99, 'macula_pubsub_delivery_duration_seconds'), '99 %']] },
        { title: 'Operations of the DHT, 99 %', about: 'By operation; those that wait for other nodes take a few round trips.', unit: 's', queries: [[quantile(0.99, 'macula_dht_operation_duration_seconds', ', operation'), '{{operation}}']] },
      ],
    },
  ],
};
