import { sameAddress, type SocketAddress } from '../base/address.js';
import { addressesFor, reachOf, type Reach } from '../base/address-reach.js';
import { nodeIdToBytes, type NodeId } from '../identity/node-id.js';
import type { RelayHint } from '../wire/peer-record.js';

/** How a node can be reached: at its own public address, through a relay only, or not known yet. */
export type Reachability = 'public' | 'relayed' | 'unknown';

/** A node as the DHT speaks of it. */
export interface Contact {
  readonly nodeId: NodeId;
  /** The 32 bytes of `nodeId`, kept because distances are computed from them all the time. */
  readonly id: Uint8Array;
  readonly addresses: readonly SocketAddress[];
  readonly reachability: Reachability;
  /** Relays it is reachable through; none where it is reachable directly. */
  readonly relays: readonly RelayHint[];
}

/** A contact of these parts. @param nodeId 64 lower-case hex characters */
export function contactOf(nodeId: NodeId, addresses: readonly SocketAddress[], reachability: Reachability = 'unknown', relays: readonly RelayHint[] = []): Contact {
  return { nodeId, id: nodeIdToBytes(nodeId), addresses, reachability, relays };
}

/** What there is of a contact for somebody of a reach: tables name the same contacts again and again. */
const narrowed = new WeakMap<Contact, Partial<Record<Reach, Contact | null>>>();

/**
 * Of what one node tells another of contacts, what is their business: addresses that mean something to the other (loopback
 * ones on one machine, private ones among private addresses), and only contacts that are left with one, or with a relay.
 * @param other who is told, or who tells; without an address everything passes
 */
export function contactsFor(other: Contact, contacts: readonly Contact[]): Contact[] {
  const host = other.addresses[0]?.host;
  if (host === undefined) return [...contacts];
  const reach = reachOf(host);
  const kept: Contact[] = [];
  for (const contact of contacts) {
    const part = contactFor(host, reach, contact);
    if (part) kept.push(part);
  }
  return kept;
}

function contactFor(host: string, reach: Reach, contact: Contact): Contact | null {
  const known = narrowed.get(contact) ?? {};
  const before = known[reach];
  if (before !== undefined) return before;
  const addresses = addressesFor(host, contact.addresses);
  const same = addresses.length === contact.addresses.length && addresses.every((address, index) => sameAddress(address, contact.addresses[index]!));
  const part = addresses.length === 0 && contact.relays.length === 0 ? null : same ? contact : { ...contact, addresses };
  narrowed.set(contact, { ...known, [reach]: part });
  return part;
}
