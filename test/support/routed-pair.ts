import { spawnSync } from 'node:child_process';
import { NetworkLab, type LabHost } from './network-lab.js';

/** Where the host outside is. */
export const outsideAddress = '10.92.2.2';
/** The router's address outside, by which a NAT of it shows the host inside. */
export const publicAddress = '10.92.2.1';

/** Two hosts with a router between them, which can be a NAT and can treat packets badly. */
export class RoutedPair {
  readonly lab = new NetworkLab();
  readonly inside: LabHost;
  readonly outside: LabHost;
  readonly #router: LabHost;

  constructor() {
    this.inside = this.lab.host();
    this.outside = this.lab.host();
    this.#router = this.lab.router();
    this.lab.cable({ host: this.inside, name: 'eth0', address: '10.92.1.2/24' }, { host: this.#router, name: 'lan', address: '10.92.1.1/24' });
    this.lab.cable({ host: this.outside, name: 'eth0', address: `${outsideAddress}/24` }, { host: this.#router, name: 'wan', address: `${publicAddress}/24` });
    this.inside.ip('route add default via 10.92.1.1');
    this.outside.ip(`route add default via ${publicAddress}`);
  }

  /**
   * Makes the router a port-restricted NAT that shows port 4433 of the host inside at this port, and forget what it had mapped before. Other
   * sockets, with which a node looks at its NAT, get other ports: one of them could take this one first, and then 4433 would have none.
   */
  mapTo(port: number): void {
    this.#router.nft(`
      table ip nat
      delete table ip nat
      table ip nat {
        chain out { type nat hook postrouting priority srcnat; oifname "wan" udp sport 4433 snat to ${publicAddress}:${port}; oifname "wan" meta l4proto udp masquerade; }
        chain in { type filter hook input priority filter; iifname "wan" ct state established,related accept; iifname "wan" drop; }
        chain through { type filter hook forward priority filter; iifname "wan" ct state established,related accept; iifname "wan" drop; }
      }`);
    // Exits with 1 where there was nothing to delete.
    spawnSync('ip', ['netns', 'exec', this.#router.netns, 'conntrack', '-D', '-p', 'udp'], { stdio: 'ignore' });
  }

  /** Drops those of the forwarded packets that match, both ways. @param match as nft writes it; empty means all */
  drop(match: string): void {
    this.#router.dropForwarded(match);
  }

  /** Forwards everything again. */
  heal(): void {
    this.#router.forwardAll();
  }

  /** Packets dropped since {@link drop}. */
  dropped(): number {
    return this.#router.droppedForwarded();
  }

  close(): void {
    this.lab.close();
  }
}
