import { chosen, now, quantile, rate, rateBy, type Dashboard } from './dashboard.js';

export const node: Dashboard = {
  uid: 'macula-node',
  title: 'Macula / Node',
  about: 'One node in depth: the process, its socket, sessions, connections, store.',
  rows: [
    {
      title: 'Node',
      panels: [
        { title: 'Up for', about: 'Since the node was started.', unit: 'dtdurations', kind: 'stat', width: 6, queries: [[now('macula_node_uptime_seconds'), '{{instance}}']] },
        { title: 'Alive and ready', about: '1 each when all is well.', unit: 'short', kind: 'stat', width: 6, queries: [[now('macula_node_live'), '{{instance}} live'], [now('macula_node_ready'), '{{instance}} ready']] },
        { title: 'Disk free', about: 'Where the data directory is.', unit: 'bytes', kind: 'stat', width: 6, queries: [[now('macula_node_disk_free_bytes'), '{{instance}}']] },
        { title: 'Store', about: 'Whether it takes writes; 1 under "set aside" where a damaged one was moved away.', unit: 'short', kind: 'stat', width: 6, queries: [[now('macula_store_writable'), '{{instance}} writable'], [now('macula_store_set_aside'), '{{instance}} set aside']] },
        { title: 'Versions', about: 'Of Macula and of Node.js.', unit: 'short', kind: 'table', width: 24, queries: [[now('macula_build_info'), '']] },
      ],
    },
    {
      title: 'Process',
      panels: [
        { title: 'Processor', about: 'Cores used. The node computes on one; more is garbage collection, cryptography of the store and the like.', unit: 'short', queries: [[`rate(process_cpu_seconds_total{${chosen}}[$__rate_interval])`, '{{instance}}']] },
        { title: 'Memory', about: 'Resident, and the heap of JavaScript in use.', unit: 'bytes', queries: [[`process_resident_memory_bytes{${chosen}}`, '{{instance}} resident'], [`nodejs_heap_size_used_bytes{${chosen}}`, '{{instance}} heap']] },
        { title: 'Delay of the event loop', about: 'A tenth of a second and more means that the node is overloaded, or that a procedure computes for long.', unit: 's', queries: [[`nodejs_eventloop_lag_p50_seconds{${chosen}}`, '{{instance}} median'], [`nodejs_eventloop_lag_p99_seconds{${chosen}}`, '{{instance}} 99 %']] },
        { title: 'Garbage collection', about: 'Share of time.', unit: 'percentunit', queries: [[`sum by (instance, kind) (rate(nodejs_gc_duration_seconds_sum{${chosen}}[$__rate_interval]))`, '{{instance}} {{kind}}']] },
        { title: 'File descriptors', about: 'Open, and how many may be.', unit: 'short', queries: [[`process_open_fds{${chosen}}`, '{{instance}} open'], [`process_max_fds{${chosen}}`, '{{instance}} limit']] },
        { title: 'Data file of the store', about: 'It does not shrink when records go; their room is used again.', unit: 'bytes', queries: [[now('macula_store_file_bytes'), '{{instance}}']] },
      ],
    },
    {
      title: 'Socket and handshakes',
      panels: [
        { title: 'Datagrams', about: 'By direction.', unit: 'pps', queries: [[rateBy('instance, direction', 'macula_transport_datagrams_total'), '{{instance}} {{direction}}']] },
        { title: 'Bytes', about: 'UDP payload by direction.', unit: 'Bps', queries: [[rateBy('instance, direction', 'macula_transport_bytes_total'), '{{instance}} {{direction}}']] },
        { title: 'Dropped', about: 'By the node, by reason, and by the system because the receive buffer was full.', unit: 'pps', queries: [[rateBy('reason', 'macula_transport_dropped_datagrams_total') + ' > 0', '{{reason}}'], [`sum(${rate('macula_transport_socket_drops_total')})`, 'by the system']] },
        { title: 'Handshakes', about: 'By outcome.', unit: 'ops', queries: [[rateBy('outcome', 'macula_transport_handshakes_total'), '{{outcome}}']] },
        { title: 'Duration of handshakes', about: 'That were completed, by our role.', unit: 's', queries: [[quantile(0.5, 'macula_transport_handshake_duration_seconds', ', role'), '{{role}} median'], [quantile(0.99, 'macula_transport_handshake_duration_seconds', ', role'), '{{role}} 99 %']] },
        { title: 'Half open, and tokens demanded', about: 'Many half-open handshakes and retries mean a flood, or a restart of many peers at once.', unit: 'short', queries: [[now('macula_transport_half_open_handshakes'), '{{instance}} half open'], [`sum by (instance) (${rate('macula_transport_retries_sent_total')})`, '{{instance}} retries a second']] },
        { title: 'Connections and receive buffer', about: 'QUIC connections that are established.', unit: 'short', width: 12, queries: [[now('macula_transport_connections'), '{{instance}}']] },
        { title: 'Receive buffer', about: 'As the system granted it; 4 MiB are asked for.', unit: 'bytes', width: 12, queries: [[now('macula_transport_receive_buffer_bytes'), '{{instance}}']] },
      ],
    },
    {
      title: 'Sessions, peers and pool',
      panels: [
        { title: 'Sessions', about: 'Admitted now.', unit: 'short', queries: [[now('macula_sessions'), '{{instance}}']] },
        { title: 'Opened and closed', about: 'By who dialled, and by who or what ended them.', unit: 'ops', queries: [[rateBy('direction, path', 'macula_sessions_opened_total'), 'opened {{direction}} {{path}}'], [rateBy('by', 'macula_sessions_closed_total'), 'closed by {{by}}']] },
        { title: 'Refused', about: 'Connections that were not admitted, by reason.', unit: 'ops', queries: [[rateBy('reason', 'macula_sessions_refused_total'), '{{reason}}']] },
        { title: 'Length of sessions', about: 'Median of those that ended.', unit: 's', queries: [[quantile(0.5, 'macula_sessions_duration_seconds'), 'median']] },
        { title: 'Peers', about: 'Supervised, by state; known: remembered on disk.', unit: 'short', queries: [[`sum by (state) (${now('macula_peers')})`, '{{state}}'], [`sum(${now('macula_peers_known')})`, 'known']] },
        { title: 'Peers that came, went, could not be dialled', about: 'A dial that fails is tried again after a pause.', unit: 'ops', queries: [[`sum(${rate('macula_peers_connected_total')})`, 'came'], [`sum(${rate('macula_peers_disconnected_total')})`, 'went'], [rateBy('reason', 'macula_peers_dials_failed_total') + ' > 0', 'dial failed: {{reason}}']] },
        { title: 'Pool', about: 'Connections in it, and how many it holds at most.', unit: 'short', queries: [[now('macula_pool_connections'), '{{instance}}'], [now('macula_pool_connections_limit'), '{{instance}} limit']] },
        { title: 'Hits of the pool', about: 'Share of lookups that needed no dial.', unit: 'percentunit', queries: [[`sum by (instance) (${rate('macula_pool_lookups_total', ',result="hit"')}) / sum by (instance) (${rate('macula_pool_lookups_total')})`, '{{instance}}']] },
        { title: 'Dials, evictions, exclusions', about: 'Evictions by reason; excluded: left alone for a while after failures in a row.', unit: 'ops', queries: [[`sum(${rate('macula_pool_dials_total')})`, 'dials'], [rateBy('reason', 'macula_pool_dials_failed_total') + ' > 0', 'failed: {{reason}}'], [rateBy('reason', 'macula_pool_evictions_total'), 'evicted: {{reason}}'], [`sum(${rate('macula_pool_exclusions_total')})`, 'excluded']] },
        { title: 'Connections of the pool', about: 'That joined it by direction, and left it by reason.', unit: 'ops', queries: [[rateBy('direction', 'macula_pool_opened_total'), 'joined {{direction}}'], [rateBy('reason', 'macula_pool_closed_total'), 'left: {{reason}}']] },
      ],
    },
  ],
};
