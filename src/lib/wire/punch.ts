import { formatAddress, type SocketAddress } from '../base/address.js';
import { addressOf, integerOf, listOf, tupleOf } from './fields.js';
import { FrameType } from './frame-type.js';

/** Most candidates one side tells the other. */
export const maxCandidates = 32;

const natTypes = ['unknown', 'none', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric', 'blocked'] as const;
const behaviours = ['unknown', 'endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;
const allocations = ['unknown', 'preserved', 'sequential', 'random'] as const;
const candidateKinds = ['local', 'mapped', 'observed', 'predicted'] as const;
/** The first also stands for reasons of later versions. */
const endReasons = ['busy', 'rate-limited', 'off'] as const;

/** What a node knows of the NAT it is behind, as one node tells the other of it. */
export interface NatSummary {
  readonly natType: (typeof natTypes)[number];
  /** RFC 4787, section 4.1. */
  readonly mapping: (typeof behaviours)[number];
  /** RFC 4787, section 5. */
  readonly filtering: (typeof behaviours)[number];
  /** How the NAT chooses the outer port of a new mapping. */
  readonly ports: (typeof allocations)[number];
  /** From one new mapping to the next, where ports are sequential; 0 otherwise. */
  readonly portDelta: number;
}

/**
 * An address at which a node may be reached. local: of an interface; mapped: by a port mapping the router was asked for;
 * observed: as others see it; predicted: where the NAT is expected to put the next new mappings, in this order.
 */
export interface WireCandidate {
  readonly kind: (typeof candidateKinds)[number];
  readonly address: SocketAddress;
}

/** What two nodes tell each other, over their relayed connection, to get a direct path. All messages of one attempt carry its number. */
export type PunchMessage =
  /** Begins an attempt, whose number the sender chose at random. */
  | { readonly type: 'offer'; readonly attempt: number; readonly nat: NatSummary; readonly candidates: readonly WireCandidate[] }
  /** The other side's part. `heldMs`: time between offer and answer that was not spent on the way. */
  | { readonly type: 'answer'; readonly attempt: number; readonly nat: NatSummary; readonly candidates: readonly WireCandidate[]; readonly heldMs: number }
  /** Go: the receiver at once, the sender half a round trip later. `candidates`: those that had to wait for the answer. */
  | { readonly type: 'start'; readonly attempt: number; readonly candidates: readonly WireCandidate[] }
  /** The sender takes no part in it, or not any more. */
  | { readonly type: 'end'; readonly attempt: number; readonly reason: PunchEndReason };

/** busy: try again later; rate-limited: too many offers; off: the node does not punch. */
export type PunchEndReason = (typeof endReasons)[number];

/** Frame types of these messages. */
export const punchFrameTypes = { offer: FrameType.punchOffer, answer: FrameType.punchAnswer, start: FrameType.punchStart, end: FrameType.punchEnd } as const;

const maxAttempt = 0xffff_ffff;
const maxHeldMs = 60_000;
const maxPortDelta = 0x7fff;

function natField({ natType, mapping, filtering, ports, portDelta }: NatSummary): unknown {
  return [natTypes.indexOf(natType), behaviours.indexOf(mapping), behaviours.indexOf(filtering), allocations.indexOf(ports), portDelta];
}

function candidatesField(candidates: readonly WireCandidate[]): unknown {
  return candidates.slice(0, maxCandidates).map(({ kind, address }) => [candidateKinds.indexOf(kind), formatAddress(address)]);
}

/** An index into a list of names; one added by a later version reads as the first. */
function nameOf<Name>(message: string, field: string, value: unknown, names: readonly Name[]): Name {
  return names[integerOf(message, field, value, 0, 255)] ?? names[0]!;
}

function natOf(message: string, value: unknown): NatSummary {
  const [natType, mapping, filtering, ports, portDelta] = tupleOf(message, value, 5);
  return {
    natType: nameOf(message, 'NAT type', natType, natTypes),
    mapping: nameOf(message, 'mapping', mapping, behaviours),
    filtering: nameOf(message, 'filtering', filtering, behaviours),
    ports: nameOf(message, 'ports', ports, allocations),
    portDelta: integerOf(message, 'port delta', portDelta, -maxPortDelta, maxPortDelta),
  };
}

function candidatesOf(message: string, value: unknown): WireCandidate[] {
  return listOf(message, 'candidates', value, maxCandidates, (item) => {
    const [kind, address] = tupleOf(message, item, 2);
    return { kind: nameOf(message, 'kind', kind, candidateKinds), address: addressOf(message, 'address', address) };
  });
}

function attemptOf(message: string, value: unknown): number {
  return integerOf(message, 'attempt', value, 0, maxAttempt);
}

/** Body of a message; its frame type is in {@link punchFrameTypes}. Candidates beyond the limit are left out. */
export function punchBody(message: PunchMessage): unknown {
  const { attempt } = message;
  switch (message.type) {
    case 'offer':
      return [attempt, natField(message.nat), candidatesField(message.candidates)];
    case 'answer':
      return [attempt, natField(message.nat), candidatesField(message.candidates), Math.min(maxHeldMs, Math.max(0, Math.round(message.heldMs)))];
    case 'start':
      return [attempt, candidatesField(message.candidates)];
    case 'end':
      return [attempt, endReasons.indexOf(message.reason)];
  }
}

/** Reads the body of a message of that type. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readPunch(type: PunchMessage['type'], body: unknown): PunchMessage {
  const name = `PUNCH_${type.toUpperCase()}`;
  switch (type) {
    case 'offer': {
      const [attempt, nat, candidates] = tupleOf(name, body, 3);
      return { type, attempt: attemptOf(name, attempt), nat: natOf(name, nat), candidates: candidatesOf(name, candidates) };
    }
    case 'answer': {
      const [attempt, nat, candidates, heldMs] = tupleOf(name, body, 4);
      const held = integerOf(name, 'held time', heldMs, 0, maxHeldMs);
      return { type, attempt: attemptOf(name, attempt), nat: natOf(name, nat), candidates: candidatesOf(name, candidates), heldMs: held };
    }
    case 'start': {
      const [attempt, candidates] = tupleOf(name, body, 2);
      return { type, attempt: attemptOf(name, attempt), candidates: candidatesOf(name, candidates) };
    }
    case 'end': {
      const [attempt, reason] = tupleOf(name, body, 2);
      return { type, attempt: attemptOf(name, attempt), reason: nameOf(name, 'reason', reason, endReasons) };
    }
  }
}
