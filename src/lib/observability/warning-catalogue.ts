/** How much a warning matters. low: worth knowing; medium: something works less well; high: something does not work, or soon will not. */
export type WarningSeverity = 'low' | 'medium' | 'high';

/** What is the same for every warning of one code. */
export interface WarningEntry {
  /** The severities it comes with, the least first. */
  readonly severities: readonly WarningSeverity[];
  /** When it is given, for people. */
  readonly when: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Every warning a node gives, by its code; a code never changes its meaning. */
export const warningCatalogue = {
  'part-failed': {
    severities: ['high'],
    when: 'A part of the node failed again and again and is given up; `/livez` says 503.',
    fix: 'Restart the node; its log names the error of each failure.',
  },
  'store-failing': {
    severities: ['high'],
    when: 'The store takes no writes.',
    fix: 'Make room on the disk of the data directory and see that its owner may write; the node tries again by itself every few seconds.',
  },
  'store-set-aside': {
    severities: ['high'],
    when: 'The store was damaged at start and moved aside; the node began with an empty one.',
    fix: 'Check the disk; then delete `store.damaged-…` in the data directory. Records come back from other nodes.',
  },
  'certificate-expires': {
    severities: ['medium', 'high'],
    when: 'The certificate expires in less than 30 days (high: 7 days), or has expired.',
    fix: 'Renew it with `macula cert init --force --keep-key` and restart the node; its id stays.',
  },
  'no-peers': {
    severities: ['medium'],
    when: 'Bootstrap nodes are set or peers known from earlier, and for 30 seconds after the start or longer none is connected.',
    fix: 'See `macula peers list` for why each dial failed; check addresses, UDP and the firewall.',
  },
  'peer-refused': {
    severities: ['medium'],
    when: 'A configured peer and this node do not want each other: another realm, another secret, another key than before.',
    fix: 'Compare MACULA_REALM and MACULA_REALM_SECRET on both nodes; where the peer has a new key on purpose, `macula peers trust URL`.',
  },
  'relays-lost': {
    severities: ['medium'],
    when: 'The node can be reached through relays only, and for 30 seconds has had none.',
    fix: 'Connect it to nodes that relay (MACULA_RELAY=true, reachable from outside), or let the router forward the UDP port.',
  },
  'nat-blocked': {
    severities: ['medium'],
    when: 'No UDP comes back from outside.',
    fix: 'Let the firewall pass UDP from the port of the node (MACULA_QUIC_PORT), and answers to it.',
  },
  'clock-skew': {
    severities: ['medium', 'high'],
    when: 'The clocks of most connected peers differ from the one here by a minute or more (high: five minutes). Records from ten minutes ahead are refused.',
    fix: 'Set the clock: turn on time synchronisation (`timedatectl set-ntp true`).',
  },
  'disk-low': {
    severities: ['medium', 'high'],
    when: 'The disk of the data directory has less than 512 MiB free (high: 64 MiB).',
    fix: 'Make room on it, or move the data directory (MACULA_DATA_DIR) while the node is stopped.',
  },
  'descriptors-low': {
    severities: ['medium', 'high'],
    when: 'More than 80 % of the file descriptors the process may open are open (high: 95 %).',
    fix: 'Raise the limit: `LimitNOFILE=` of the systemd unit, `ulimit -n` in a shell.',
  },
  'socket-buffers-small': {
    severities: ['low'],
    when: 'The system gave the UDP socket less than half of the receive buffer it was asked for.',
    fix: 'Raise the limits: `sysctl -w net.core.rmem_max=8388608 net.core.wmem_max=8388608`; or ask for less with MACULA_SOCKET_BUFFER.',
  },
  'datagrams-lost': {
    severities: ['medium'],
    when: 'The system dropped datagrams because the receive buffer of the UDP socket was full: ten a second or more.',
    fix: 'Give the node more processor time, or raise the receive buffer (`sysctl net.core.rmem_max`, MACULA_SOCKET_BUFFER).',
  },
  'datagrams-unwanted': {
    severities: ['low'],
    when: 'A hundred datagrams a second or more belong to no connection or break the rules, and were dropped.',
    fix: 'See `macula_transport_dropped_datagrams_total` for the reason; where it is a flood, block its senders in the firewall.',
  },
} as const satisfies Record<string, WarningEntry>;

export type WarningCode = keyof typeof warningCatalogue;

/** All codes, in the order of the catalogue. */
export const warningCodes = Object.keys(warningCatalogue) as WarningCode[];

/** Something an operator should know or do. */
export interface HealthWarning {
  readonly code: WarningCode;
  readonly severity: WarningSeverity;
  /** What is the case here and now. */
  readonly message: string;
  readonly fix: string;
}

/** A warning with the fix of the catalogue; a severity that the catalogue does not have for the code is a type error. */
export function warningOf<Code extends WarningCode>(code: Code, severity: (typeof warningCatalogue)[Code]['severities'][number], message: string): HealthWarning {
  return { code, severity, message, fix: warningCatalogue[code].fix };
}
