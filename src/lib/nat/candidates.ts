import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import { maxCandidates, type WireCandidate } from '../wire/punch.js';

/** What is known of where this node can be reached. */
export interface OwnAddresses {
  /** Addresses of interfaces, with the port listened on. */
  readonly local: readonly SocketAddress[];
  /** What routers were asked to map to this node. */
  readonly mapped: readonly SocketAddress[];
  /** As other nodes see this one. */
  readonly observed: readonly SocketAddress[];
}

/** Of each kind; a machine with dozens of container networks must not crowd out what reaches further. */
const maxLocal = 10;
const maxMapped = 2;
const maxObserved = 4;

/**
 * What to offer a peer, best first: that which is most likely to be reached and costs least comes first. Loopback addresses mean
 * something on the same machine only, where nobody needs to punch, and link-local IPv6 ones need a zone: neither is offered.
 */
export function offeredCandidates(own: OwnAddresses): WireCandidate[] {
  const all: WireCandidate[] = [
    ...kindOf('mapped', own.mapped, maxMapped),
    ...kindOf('observed', own.observed, maxObserved),
    ...kindOf('local', own.local, maxLocal),
  ];
  return distinct(all);
}

function kindOf(kind: WireCandidate['kind'], addresses: readonly SocketAddress[], max: number): WireCandidate[] {
  return addresses.filter(isOffered).slice(0, max).map((address) => ({ kind, address }));
}

function isOffered({ host, port }: SocketAddress): boolean {
  const scope = addressScope(host);
  if (port === 0 || scope === 'loopback' || scope === 'unusable') return false;
  return scope !== 'link-local' || !host.includes(':');
}

/**
 * Of the candidates a peer offers, those to be probed, in the order in which they are probed first. The predicted ones lead, as
 * every other packet through this node's own NAT may use up a port the peer counts on. What is not probed: what should not have been
 * offered, and addresses of this node itself.
 * @param own addresses of this node's interfaces, with the port listened on
 */
export function probedCandidates(offered: readonly WireCandidate[], own: readonly SocketAddress[]): WireCandidate[] {
  const ownKeys = new Set(own.map(formatAddress));
  const kept = offered.filter(({ address }) => isOffered(address) && !ownKeys.has(formatAddress(address)));
  const predicted = kept.filter(({ kind }) => kind === 'predicted');
  const others = kept.filter(({ kind }) => kind !== 'predicted');
  return distinct([...predicted, ...others]);
}

function distinct(candidates: readonly WireCandidate[]): WireCandidate[] {
  const found = new Map<string, WireCandidate>();
  for (const candidate of candidates) {
    const key = formatAddress(candidate.address);
    if (!found.has(key)) found.set(key, candidate);
  }
  return [...found.values()].slice(0, maxCandidates);
}
