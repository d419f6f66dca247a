import { formatAddress, parseAddress, type SocketAddress } from '../base/address.js';
import type { NatFinding } from './nat-finding.js';

/** Format of the stored finding; another one is measured anew. */
const version = 1;

interface StoredFinding extends Omit<NatFinding, 'publicAddress' | 'localAddress' | 'servers' | 'portPreserving' | 'hairpin'> {
  readonly version: number;
  /** Addresses the machine had. */
  readonly hosts: string;
  readonly publicAddress: string | null;
  readonly localAddress: string | null;
  readonly portPreserving: boolean | null;
  readonly hairpin: boolean | null;
}

/** @param hosts of this machine at the time; the finding is good with these alone */
export function writeFinding(finding: NatFinding, hosts: string): unknown {
  const { publicAddress, localAddress, servers: _servers, portPreserving, hairpin, ...rest } = finding;
  return { ...rest, version, hosts, publicAddress: textOf(publicAddress), localAddress: textOf(localAddress), portPreserving: portPreserving ?? null, hairpin: hairpin ?? null } satisfies StoredFinding;
}

/** What was stored, where it is of this format and was found with these addresses. The store is this node's own. */
export function readFinding(stored: unknown, hosts: string): NatFinding | undefined {
  const found = stored as StoredFinding | undefined;
  if (found?.version !== version || found.hosts !== hosts) return undefined;
  const { version: _version, hosts: _hosts, publicAddress, localAddress, portPreserving, hairpin, ...rest } = found;
  return { ...rest, publicAddress: addressOf(publicAddress), localAddress: addressOf(localAddress), portPreserving: portPreserving ?? undefined, hairpin: hairpin ?? undefined, servers: [] };
}

function textOf(address: SocketAddress | undefined): string | null {
  return address ? formatAddress(address) : null;
}

function addressOf(text: string | null): SocketAddress | undefined {
  return text === null ? undefined : parseAddress(text);
}
