import type { NatSummary } from '../wire/punch.js';

/** How two nodes try to get a direct path. */
export type Technique =
  /** Both probe the other's candidates at the same time. */
  | { readonly kind: 'simple' }
  /** So, and the NATs named use a new port for every destination, but one that can be foreseen. */
  | { readonly kind: 'predict'; readonly own: boolean; readonly peer: boolean }
  /**
   * The ports of one side cannot be foreseen: it opens many sockets, the other sprays probes over its ports (birthday paradox).
   * @see https://tailscale.com/blog/how-nat-traversal-works section "NAT notes for nerds"
   */
  | { readonly kind: 'birthday'; readonly opener: 'own' | 'peer' }
  /** There is no way but the relay. */
  | { readonly kind: 'relay'; readonly reason: 'unpredictable' | 'blocked' };

/** What a NAT does with the ports of packets to a new destination, as far as another node can tell. */
type Outward = 'fixed' | 'sequential' | 'random';

function outward({ natType, mapping, ports }: NatSummary): Outward {
  if (natType === 'none' || mapping === 'endpoint-independent' || mapping === 'unknown') return 'fixed';
  return ports === 'sequential' ? 'sequential' : 'random';
}

/** Whether the port of a NAT's next mapping can be told from the last one's. */
export function isForeseeable(nat: NatSummary): boolean {
  return outward(nat) === 'sequential';
}

/** Whether packets come in from a port nothing was sent to. Not known: hardly, so that the stronger technique is used. */
function letsPortsIn({ natType, filtering }: NatSummary): boolean {
  return natType === 'none' || filtering === 'endpoint-independent' || filtering === 'address-dependent';
}

/**
 * Chooses by what both sides know of their NATs (the table of docs/NAT.md). Seen from the other side the choice is the same one,
 * mirrored. A NAT not known is taken for one that keeps its port, as most do.
 */
export function chooseTechnique(own: NatSummary, peer: NatSummary): Technique {
  if (own.natType === 'blocked' || peer.natType === 'blocked') return { kind: 'relay', reason: 'blocked' };
  const ways = { own: outward(own), peer: outward(peer) };
  // Whoever's ports vary is let in by its address, so the answer to it comes back to the port that got through.
  if (ways.own === 'fixed' && (ways.peer === 'fixed' || letsPortsIn(own))) return { kind: 'simple' };
  if (ways.peer === 'fixed' && letsPortsIn(peer)) return { kind: 'simple' };
  if (ways.own !== 'random' && ways.peer !== 'random') return { kind: 'predict', own: ways.own === 'sequential', peer: ways.peer === 'sequential' };
  if (ways.own === 'random' && ways.peer === 'fixed') return { kind: 'birthday', opener: 'own' };
  if (ways.own === 'fixed' && ways.peer === 'random') return { kind: 'birthday', opener: 'peer' };
  return { kind: 'relay', reason: 'unpredictable' };
}
