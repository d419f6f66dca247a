import type { LabHost } from '../support/network-lab.js';

/** What passed, both ways. Bytes are those of IP packets: 28 more than a UDP payload has. */
export interface Traffic {
  readonly datagrams: number;
  readonly bytes: number;
}

interface Counter {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}

/**
 * First bytes of datagrams, at the end of a UDP header (datagram-kind.ts): those of a relay's session, and those that are neither
 * that nor STUN, which is QUIC and path probes.
 */
const kinds = { relayed: '@th,64,8 5', own: '@th,64,8 { 4, 6-255 }' } as const;

/** Counts datagrams between a host of the lab and others, by nftables in the host's namespace. */
export class TrafficCounters {
  readonly #names: string[] = [];

  constructor(private readonly host: LabHost) {
    host.nft('table ip traffic {\n chain in { type filter hook input priority -20; }\n chain out { type filter hook output priority -20; }\n}');
  }

  /**
   * Begins to count. @param kind `relayed`: of sessions of that relay; `own`: what goes between the two hosts themselves
   * @returns what was counted so far
   */
  count(address: string, kind: keyof typeof kinds): () => Traffic {
    const name = `c${this.#names.length}`;
    this.#names.push(name);
    this.host.nft([
      `add counter ip traffic ${name}`,
      `add rule ip traffic in ip saddr ${address} ip protocol udp ${kinds[kind]} counter name ${name}`,
      `add rule ip traffic out ip daddr ${address} ip protocol udp ${kinds[kind]} counter name ${name}`,
    ].join('\n'));
    return () => this.#read(name);
  }

  #read(name: string): Traffic {
    const { nftables } = JSON.parse(this.host.run('nft', '--json', 'list', 'counter', 'ip', 'traffic', name)) as { nftables: { counter?: Counter }[] };
    const { packets, bytes } = nftables.find(({ counter }) => counter?.name === name)!.counter!;
    return { datagrams: packets, bytes };
  }
}
