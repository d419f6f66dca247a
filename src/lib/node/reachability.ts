import { addressScope } from '../base/address.js';
import { isUseful, type NatFinding, type PortMapping } from '../nat/nat-finding.js';
import type { Session } from '../session/session.js';
import type { NodeParts } from './node-parts.js';

/** What tells whether others reach this node as it is. */
export interface ReachabilityEvidence {
  readonly finding: NatFinding | undefined;
  readonly portMapping: PortMapping | undefined;
  /** Addresses of its interfaces. */
  readonly hosts: readonly string[];
  /** The operator said which addresses to tell others. */
  readonly isAdvertised: boolean;
  /** Hosts that connected to this node by themselves, without a relay's help. */
  readonly comers: readonly string[];
  /** Peers see this node at a public address. */
  readonly isSeenOutside: boolean;
}

/** Strangers who got in before this node counts as reachable: one may have been let in by a packet this node had sent. */
const comersNeeded = 2;

/**
 * Whether others reach this node by itself; undefined: nothing tells. What came in says yes first, then what is known of NATs,
 * then what interfaces and peers say. A finding made with the help of nodes of the local network alone says nothing of the Internet.
 */
export function judgeReachability(evidence: ReachabilityEvidence): boolean | undefined {
  const { finding, portMapping, hosts, isAdvertised, comers, isSeenOutside } = evidence;
  if (isAdvertised || isUseful(portMapping, finding)) return true;
  if (new Set(comers.filter(isPublic)).size >= comersNeeded) return true;
  if (finding?.publicAddress && isPublic(finding.publicAddress.host)) {
    if (finding.natType === 'none') return finding.filtering === 'endpoint-independent' || finding.filtering === 'unknown';
    if (finding.natType !== 'unknown') return false;
  }
  if (hosts.some(isPublic)) return true;
  return isSeenOutside ? false : undefined;
}

/** The same for a node as it runs now. */
export function isReachable({ localAddresses, sessions, nat, portMapper }: NodeParts): boolean | undefined {
  if (!localAddresses || !sessions) return undefined;
  return judgeReachability({
    finding: nat?.finding,
    portMapping: portMapper?.mapping,
    hosts: localAddresses.interfaceAddresses().map(({ host }) => host),
    isAdvertised: localAddresses.isAdvertised,
    comers: sessions.list().flatMap((session) => comerOf(session) ?? []),
    isSeenOutside: localAddresses.observedAddress() !== undefined,
  });
}

/** Where a peer came in from; undefined where this node dialled, or a relay has ever been in between. */
function comerOf({ direction, connection }: Session): string | undefined {
  if (direction !== 'in' || connection.paths().some(({ route }) => route.kind === 'relay')) return undefined;
  const { route } = connection;
  return route.kind === 'direct' ? route.address.host : undefined;
}

function isPublic(host: string): boolean {
  return addressScope(host) === 'public';
}
