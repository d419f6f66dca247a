import type { SocketAddress } from '../base/address.js';

/** What people call the kinds of NAT (RFC 3489, section 5); `none`: the address seen outside is the node's own. */
export type NatType = 'none' | 'full-cone' | 'address-restricted' | 'port-restricted' | 'symmetric' | 'blocked' | 'unknown';

/** How a NAT maps and filters (RFC 4787, sections 4.1 and 5). */
export type NatBehaviour = 'endpoint-independent' | 'address-dependent' | 'address-and-port-dependent' | 'unknown';

/**
 * Which outer port a new mapping gets. preserving: the inner one where it is free; fixed: another one, but the same for
 * every destination; sequential: `delta` more than the mapping before; random: nothing can be said.
 */
export type PortAllocation =
  | { readonly kind: 'preserving' }
  | { readonly kind: 'fixed' }
  | { readonly kind: 'sequential'; readonly delta: number }
  | { readonly kind: 'random' }
  | { readonly kind: 'unknown' };

/** A port that a router forwards because it was asked to. */
export interface PortMapping {
  readonly protocol: 'upnp' | 'nat-pmp' | 'pcp';
  /** Where the Internet reaches the node. */
  readonly external: SocketAddress;
  readonly internal: SocketAddress;
}

/** One server that was asked what address it sees. */
export interface NatServerReport {
  readonly address: SocketAddress;
  /** The address it saw; undefined when it did not answer. */
  readonly mapped: SocketAddress | undefined;
  /** Milliseconds; undefined when it did not answer. */
  readonly rttMs: number | undefined;
}

/** What is known of the NATs between this node and others. */
export interface NatFinding {
  readonly natType: NatType;
  readonly mapping: NatBehaviour;
  readonly filtering: NatBehaviour;
  readonly allocation: PortAllocation;
  /** undefined: not known. */
  readonly portPreserving: boolean | undefined;
  /** Whether a packet of this node to its own public address comes back; undefined: not known. */
  readonly hairpin: boolean | undefined;
  /** The node's own port as the first server to answer saw it; with an endpoint-dependent mapping others see another port. */
  readonly publicAddress: SocketAddress | undefined;
  /** The address packets to the servers leave from. */
  readonly localAddress: SocketAddress | undefined;
  readonly servers: readonly NatServerReport[];
  /** Clock.wallMs() of the measurement. */
  readonly measuredAtMs: number;
}

/**
 * Whether a router's mapping lets the Internet in: others must see this node at the address the router names. Where they see
 * another one, there is a second NAT outside, or what answered is no router; where nobody has told yet, it is believed.
 */
export function isUseful(mapping: PortMapping | undefined, finding: NatFinding | undefined): mapping is PortMapping {
  const seen = finding?.publicAddress?.host;
  return mapping !== undefined && (seen === undefined || seen.includes(':') || seen === mapping.external.host);
}
