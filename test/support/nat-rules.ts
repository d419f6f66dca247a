/**
 * The NATs of the lab, in the words of RFC 4787. Except where the name says otherwise the source port is kept where it can be.
 *
 * | kind | mapping | filtering |
 * |---|---|---|
 * | none | no NAT: a host of the pretended Internet | none |
 * | full-cone | endpoint-independent | endpoint-independent |
 * | address-restricted | endpoint-independent | address-dependent |
 * | port-restricted | endpoint-independent | address- and port-dependent |
 * | port-changing | endpoint-independent, ports 20000–29999 | address- and port-dependent |
 * | address-dependent | address-dependent, ports 30000–33999 | address- and port-dependent |
 * | symmetric-sequential | address- and port-dependent, the next port each time | address- and port-dependent |
 * | symmetric-random | address- and port-dependent, a random port each time | address- and port-dependent |
 * | blocked | lets no UDP through | |
 */
export const natKinds = [
  'none',
  'full-cone',
  'address-restricted',
  'port-restricted',
  'port-changing',
  'address-dependent',
  'symmetric-sequential',
  'symmetric-random',
  'blocked',
] as const;
export type NatKind = (typeof natKinds)[number];

/** What a router does besides its kind. */
export interface NatBehaviour {
  /** Packets to the NAT's own public address from inside come back in. Of full-cone and address-restricted only. */
  readonly hairpin?: boolean;
  /**
   * Seconds after which a mapping without traffic is forgotten; the system's 30 s (120 s when both sides sent) where
   * absent. Full-cone and address-restricted keep the outer port for as long, too.
   */
  readonly mappingTimeoutSeconds?: number;
  /**
   * The hostile variant: the router answers on its public address itself instead of dropping what nobody asked for, so that
   * a packet that comes before the mapping takes the port the mapping would have had.
   */
  readonly openInput?: boolean;
}

/** How many ports a NAT has that chooses them itself. */
const mappedPorts = 4000;

/**
 * The nftables rules of a router with interfaces `wan` and `lan`.
 * @param wanAddress the router's IPv4 address on its outer side
 */
export function natRules(kind: Exclude<NatKind, 'none'>, wanAddress: string, behaviour: NatBehaviour): string {
  const input = behaviour.openInput ? [] : ['chain in { type filter hook input priority filter; iifname "wan" ct state established,related accept; iifname "wan" drop; }'];
  // IPv6 has the firewall that home routers have: out freely, in only what was asked for.
  return `
    table ip nat
    delete table ip nat
    table ip nat {
      ${[...translation(kind, wanAddress, behaviour), ...input].join('\n      ')}
    }
    table ip6 firewall
    delete table ip6 firewall
    table ip6 firewall {
      chain through { type filter hook forward priority filter; ${kind === 'blocked' ? 'meta l4proto udp drop;' : ''} iifname "wan" ct state established,related accept; iifname "wan" drop; }
    }`;
}

/** And what a port that somebody had mapped takes in. */
const onlyAnswers = 'chain through { type filter hook forward priority filter; iifname "wan" ct state established,related accept; iifname "wan" ct status dnat accept; iifname "wan" drop; }';

/** Chains and sets of the table, one a string. */
function translation(kind: Exclude<NatKind, 'none'>, wanAddress: string, behaviour: NatBehaviour): string[] {
  switch (kind) {
    case 'full-cone':
      return [
        ...coneMap(wanAddress, behaviour),
        `chain through {
          type filter hook forward priority filter;
          iifname "wan" ct state established,related accept;
          iifname "wan" ct status dnat accept;
          iifname "wan" drop;
        }`,
      ];
    case 'address-restricted':
      return [
        ...coneMap(wanAddress, behaviour),
        `set spokenTo { type ipv4_addr . inet_service . ipv4_addr; flags dynamic; size 65535; timeout ${timeoutOf(behaviour)}s; }`,
        `chain through {
          type filter hook forward priority filter;
          oifname "wan" meta l4proto udp update @spokenTo { ip saddr . udp sport . ip daddr };
          iifname "wan" ct state established,related accept;
          iifname "wan" meta l4proto udp ip daddr . udp dport . ip saddr @spokenTo accept;
          iifname "wan" drop;
        }`,
      ];
    case 'port-restricted':
      return [outgoing(''), onlyAnswers];
    case 'port-changing':
      return [outgoing(`snat ip to ${wanAddress} : jhash ip saddr . udp sport mod ${mappedPorts} map { ${portMap(20_000)} }`), onlyAnswers];
    case 'address-dependent':
      return [outgoing(`snat ip to ${wanAddress} : jhash ip daddr . udp sport mod ${mappedPorts} map { ${portMap(30_000)} }`), onlyAnswers];
    case 'symmetric-sequential':
      return [outgoing(`snat ip to ${wanAddress} : numgen inc mod ${mappedPorts} map { ${portMap(30_000)} }`), onlyAnswers];
    case 'symmetric-random':
      return [outgoing('masquerade to :1024-65535 fully-random'), onlyAnswers];
    case 'blocked':
      return [outgoing(''), 'chain through { type filter hook forward priority filter; meta l4proto udp drop; iifname "wan" ct state established,related accept; iifname "wan" drop; }'];
  }
}

/** @param udp what happens to the source of UDP packets; empty where it is the same as for all */
function outgoing(udp: string): string {
  return `chain out {
    type nat hook postrouting priority srcnat;
    ${udp === '' ? '' : `oifname "wan" meta l4proto udp ${udp}`}
    oifname "wan" masquerade
  }`;
}

/** A map from outer port to inside address and port, filled by what goes out and used by what comes in. */
function coneMap(wanAddress: string, behaviour: NatBehaviour): string[] {
  const { hairpin } = behaviour;
  return [
    `map cone { type inet_service : ipv4_addr . inet_service; flags dynamic; size 65535; timeout ${timeoutOf(behaviour)}s; }`,
    'chain refresh { type filter hook postrouting priority mangle; oifname "wan" meta l4proto udp update @cone { udp sport : ip saddr . udp sport }; }',
    `chain back { type nat hook prerouting priority dstnat; ${hairpin ? `ip daddr ${wanAddress}` : 'iifname "wan"'} meta l4proto udp dnat ip to udp dport map @cone; }`,
    `chain out {
      type nat hook postrouting priority srcnat;
      ${hairpin ? `oifname "lan" ct status dnat ip saddr { 10.0.0.0/8, 100.64.0.0/10 } snat to ${wanAddress}` : ''}
      oifname "wan" meta l4proto udp snat to ${wanAddress}
      oifname "wan" masquerade
    }`,
  ];
}

function timeoutOf({ mappingTimeoutSeconds = 120 }: NatBehaviour): number {
  return mappingTimeoutSeconds;
}

function portMap(first: number): string {
  return Array.from({ length: mappedPorts }, (_, index) => `${index} : ${first + index}`).join(', ');
}
