import { addressScope, canonicalHost, formatAddress, type SocketAddress } from './address.js';

/** Reach of an address as far as telling it to others goes. IPv6 link-local addresses need a zone, so nobody else can use them. */
export type Reach = 'machine' | 'site' | 'world' | 'nowhere';

/** How far what somebody at this host is told may go. @param host a literal in canonical form */
export function reachOf(host: string): Reach {
  switch (addressScope(host)) {
    case 'loopback':
      return 'machine';
    case 'private':
      return 'site';
    case 'link-local':
      return host.includes(':') ? 'nowhere' : 'site';
    case 'public':
      return 'world';
    case 'unusable':
      return 'nowhere';
  }
}

/** Whether a loopback, private or public address can mean anything to somebody at `otherHost`, and is their business. */
function concerns(address: SocketAddress, otherHost: string): boolean {
  const other = reachOf(otherHost);
  switch (reachOf(address.host)) {
    case 'world':
      return true;
    case 'site':
      return other === 'site' || other === 'machine';
    case 'machine':
      return other === 'machine';
    case 'nowhere':
      return false;
  }
}

/** A host of the Internet, which stands for a peer whose own address is not known (RFC 5737: nobody has it). */
export const somewherePublic = '192.0.2.1';

/**
 * Of the addresses, those to tell a node at `host`, or to believe when that node tells them: loopback ones between
 * nodes on one machine only, private ones only to and from private addresses. In order, without repeats.
 */
export function addressesFor(host: string, addresses: Iterable<SocketAddress>): SocketAddress[] {
  const kept = new Map<string, SocketAddress>();
  for (const { host: given, port } of addresses) {
    const canonical = canonicalHost(given);
    if (canonical === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) continue;
    const address = { host: canonical, port };
    if (concerns(address, host)) kept.set(formatAddress(address), address);
  }
  return [...kept.values()];
}
