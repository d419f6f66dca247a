import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { LRUCache } from 'lru-cache';

/** A UDP address. `host` is always a literal in canonical form: dotted IPv4, or compressed lower-case IPv6. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

/** Canonical literal of an IP address; IPv4-mapped IPv6 becomes IPv4. Undefined if it is no IP address. */
export function canonicalHost(host: string): string | undefined {
  const bare = host.split('%', 1)[0]!;
  if (isIPv4(bare)) return bare;
  if (!ipaddr.IPv6.isValid(bare)) return undefined;
  return ipaddr.process(bare).toString();
}

/** `192.0.2.1:4433` or `[2001:db8::1]:4433`; also the key under which an address is looked up. */
export function formatAddress(address: SocketAddress): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** The inverse of {@link formatAddress}; undefined for anything else, names included. */
export function parseAddress(text: string): SocketAddress | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const host = canonicalHost(match[1] ?? match[2]!);
  const port = Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  if ((match[1] !== undefined) !== host.includes(':')) return undefined;
  return { host, port };
}

export function sameAddress(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.host === b.host;
}

/**
 * The network prefix an address is counted under when limits apply per prefix, e.g. `198.51.100.0/24`.
 * @param bits4 prefix length for IPv4 @param bits6 prefix length for IPv6
 */
export function addressPrefix(host: string, bits4: number, bits6: number): string {
  const address = ipaddr.process(host);
  const bits = address.kind() === 'ipv4' ? bits4 : bits6;
  const bytes = address.toByteArray().map((byte, index) => {
    const kept = Math.min(8, Math.max(0, bits - index * 8));
    return byte & (0xff << (8 - kept));
  });
  return `${ipaddr.fromByteArray(bytes).toString()}/${bits}`;
}

export type AddressScope = 'loopback' | 'link-local' | 'private' | 'public' | 'unusable';

/** The DHT asks for the same few addresses with every answer, and reading one takes microseconds. */
const scopes = new LRUCache<string, AddressScope>({ max: 4096 });

/** How far an address reaches (RFC 6890 registries). Multicast, broadcast and unspecified are unusable. */
export function addressScope(host: string): AddressScope {
  const known = scopes.get(host);
  if (known !== undefined) return known;
  const scope = readScope(host);
  scopes.set(host, scope);
  return scope;
}

function readScope(host: string): AddressScope {
  const address = ipaddr.process(host);
  switch (address.range()) {
    case 'loopback':
      return 'loopback';
    case 'linkLocal':
      return 'link-local';
    case 'private':
    case 'uniqueLocal':
    case 'carrierGradeNat':
      return 'private';
    case 'unspecified':
    case 'broadcast':
    case 'multicast':
      return 'unusable';
    default:
      return 'public';
  }
}
