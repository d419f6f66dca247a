import { now, quantile, rate, rateBy, type Dashboard } from './dashboard.js';

export const natAndPaths: Dashboard = {
  uid: 'macula-nat',
  title: 'Macula / NAT and paths',
  about: 'Which NATs stand in between, which paths packets take, and what relays do.',
  rows: [
    {
      title: 'Paths',
      panels: [
        { title: 'Sessions by path', about: 'Direct or through a relay.', unit: 'short', stacked: true, queries: [[`sum by (path) (${now('macula_sessions_open')})`, '{{path}}']] },
        { title: 'Share of bytes through relays', about: 'Of what these nodes send and receive for themselves. Falls as connections get direct paths.', unit: 'percentunit', queries: [[`sum(${rate('macula_transport_path_bytes_total', ',path="relay"')}) / sum(${rate('macula_transport_path_bytes_total')})`, 'relayed']] },
        { title: 'Round trips', about: 'Smoothed, over the sessions of each node.', unit: 's', queries: [[`max by (stat) (${now('macula_sessions_rtt_seconds')})`, '{{stat}}']] },
        { title: 'Changes of path', about: 'Of live sessions.', unit: 'ops', queries: [[rateBy('from, to', 'macula_sessions_path_changes_total'), '{{from}} to {{to}}']] },
        { title: 'Time to a direct path', about: 'Of connections that left their relay.', unit: 's', queries: [[quantile(0.5, 'macula_nat_time_to_direct_seconds'), 'median'], [quantile(0.95, 'macula_nat_time_to_direct_seconds'), '95 %']] },
        { title: 'Upgrades and fallbacks', about: 'Connections that left their relay, and that went back to one.', unit: 'ops', queries: [[`sum(${rate('macula_nat_upgrades_total')})`, 'upgrades'], [`sum(${rate('macula_nat_fallbacks_total')})`, 'fallbacks']] },
      ],
    },
    {
      title: 'NATs',
      panels: [
        { title: 'NAT of each node', about: 'Type and behaviour in the terms of RFC 4787.', unit: 'short', kind: 'table', width: 12, queries: [[now('macula_nat_info'), '']] },
        { title: 'Port mappings and relays', about: 'Nodes whose port a router forwards; relays each node is reachable through.', unit: 'short', width: 12, queries: [[`sum(${now('macula_nat_port_mapped')})`, 'mapped ports'], [now('macula_nat_relays'), '{{instance}} relays']] },
        { title: 'Punches', about: 'Attempts at a direct path, by technique and outcome.', unit: 'ops', queries: [[rateBy('technique, outcome', 'macula_nat_punches_total'), '{{technique}} {{outcome}}']] },
        { title: 'Probes of punches', about: 'Packets sent in these attempts.', unit: 'pps', queries: [[`sum by (instance) (${rate('macula_nat_punch_probes_total')})`, '{{instance}}']] },
        { title: 'Discovery', about: 'Looks at the NATs, requests to routers and STUN requests of others, by result.', unit: 'ops', queries: [[rateBy('result', 'macula_nat_measurements_total'), 'measurements: {{result}}'], [rateBy('result', 'macula_nat_port_mapping_requests_total'), 'port mapping: {{result}}'], [rateBy('result', 'macula_nat_stun_requests_total'), 'STUN: {{result}}']] },
      ],
    },
    {
      title: 'Relaying for others',
      panels: [
        { title: 'Reservations and pairs', about: 'Nodes reachable through these, and pairs relayed for now.', unit: 'short', queries: [[`sum by (instance) (${now('macula_relay_reservations')})`, '{{instance}} reservations'], [`sum by (instance) (${now('macula_relay_sessions')})`, '{{instance}} pairs']] },
        { title: 'Bytes relayed', about: 'MACULA_RELAY_TOTAL bounds them.', unit: 'Bps', queries: [[`sum by (instance) (${rate('macula_relay_bytes_total')})`, '{{instance}}']] },
        { title: 'Packets relayed', about: 'Datagrams passed on.', unit: 'pps', queries: [[`sum by (instance) (${rate('macula_relay_datagrams_total')})`, '{{instance}}']] },
        { title: 'Pairs begun and ended', about: 'By reason.', unit: 'ops', width: 12, queries: [[`sum(${rate('macula_relay_sessions_opened_total')})`, 'begun'], [rateBy('reason', 'macula_relay_sessions_ended_total'), 'ended: {{reason}}']] },
        { title: 'Refusals', about: 'Requests to relay that were refused, by reason.', unit: 'ops', width: 12, queries: [[rateBy('reason', 'macula_relay_refusals_total'), '{{reason}}']] },
      ],
    },
  ],
};
