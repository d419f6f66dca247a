import { now, quantile, rate, rateBy, type Dashboard } from './dashboard.js';

export const dht: Dashboard = {
  uid: 'macula-dht',
  title: 'Macula / DHT',
  about: 'Operations, lookups, records and what other nodes ask.',
  rows: [
    {
      title: 'Operations',
      panels: [
        { title: 'Operations', about: 'Asked of the DHT on these nodes, by outcome.', unit: 'ops', queries: [[rateBy('operation, outcome', 'macula_dht_operations_total') + ' > 0', '{{operation}} {{outcome}}']] },
        { title: 'Duration, median', about: 'By operation.', unit: 's', queries: [[quantile(0.5, 'macula_dht_operation_duration_seconds', ', operation'), '{{operation}}']] },
        { title: 'Duration, 99 %', about: 'By operation. Dead contacts in routing tables show here first.', unit: 's', queries: [[quantile(0.99, 'macula_dht_operation_duration_seconds', ', operation'), '{{operation}}']] },
        { title: 'Running and waiting', about: 'Operations wait when as many run as may.', unit: 'short', queries: [[`sum by (instance) (${now('macula_dht_operations_running')})`, '{{instance}} running'], [`sum by (instance) (${now('macula_dht_operations_waiting')})`, '{{instance}} waiting']] },
        { title: 'Reads by source', about: 'The cache, records held here, or other nodes.', unit: 'ops', stacked: true, queries: [[rateBy('source', 'macula_dht_reads_total'), '{{source}}']] },
        { title: 'Writes that did not succeed', about: 'Share of puts with another outcome than stored.', unit: 'percentunit', queries: [[`sum(${rate('macula_dht_operations_total', ',operation="put",outcome!="stored"')}) / sum(${rate('macula_dht_operations_total', ',operation="put"')})`, 'puts']] },
      ],
    },
    {
      title: 'Lookups',
      panels: [
        { title: 'Hops', about: 'Requests in a row that led to the result; grows with the logarithm of the mesh.', unit: 'short', queries: [[quantile(0.5, 'macula_dht_lookup_hops'), 'median'], [quantile(0.99, 'macula_dht_lookup_hops'), '99 %']] },
        { title: 'Nodes asked', about: 'For one operation.', unit: 'short', queries: [[quantile(0.5, 'macula_dht_lookup_queried_nodes'), 'median'], [quantile(0.99, 'macula_dht_lookup_queried_nodes'), '99 %']] },
        { title: 'Requests', about: 'To other nodes, for other nodes, and refused because too many were being served.', unit: 'reqps', queries: [[`sum(${rate('macula_dht_requests_sent_total')})`, 'sent'], [`sum(${rate('macula_dht_requests_served_total')})`, 'served'], [`sum(${rate('macula_dht_requests_refused_total')})`, 'refused']] },
        { title: 'Requests that failed', about: 'By reason. Some always do: nodes come and go.', unit: 'reqps', queries: [[rateBy('reason', 'macula_dht_requests_failed_total'), '{{reason}}']] },
        { title: 'Requests in flight', about: 'Waiting for their answer now.', unit: 'short', queries: [[`sum by (instance) (${now('macula_dht_requests_in_flight')})`, '{{instance}}']] },
        { title: 'Routing table', about: 'Nodes in it.', unit: 'short', queries: [[now('macula_dht_nodes'), '{{instance}}']] },
      ],
    },
    {
      title: 'Records',
      panels: [
        { title: 'Records held', about: 'For the mesh and for the nodes themselves.', unit: 'short', queries: [[now('macula_dht_records'), '{{instance}}']] },
        { title: 'Bytes of records', about: 'As the limit MACULA_DHT_STORE counts them.', unit: 'bytes', queries: [[now('macula_dht_record_bytes'), '{{instance}}']] },
        { title: 'Cache and disk', about: 'Results of reads that are kept, and writes to disk that failed.', unit: 'short', queries: [[`sum(${now('macula_dht_cached_results')})`, 'cached results'], [`sum(${rate('macula_dht_writes_failed_total')})`, 'failed writes a second']] },
      ],
    },
  ],
};
