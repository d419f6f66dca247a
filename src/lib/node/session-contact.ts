import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import { contactOf, type Contact } from '../dht/contact.js';
import { addressesFor } from '../base/address-reach.js';
import type { Session } from '../session/session.js';
import type { Route } from '../transport/endpoint.js';
import type { RelayHint } from '../wire/peer-record.js';

const noRelays: readonly RelayHint[] = [];

/** Every request of a peer comes with its contact; it stays the same until the path to the peer changes. */
const known = new WeakMap<Session, { readonly route: Route; readonly relays: readonly RelayHint[]; readonly contact: Contact }>();

/**
 * The peer of a session as the DHT speaks of it: first the address its packets come from, then those it says it
 * listens on.
 * @param relays through which it says it is reachable: it cannot be dialled then, except perhaps at a public address
 */
export function sessionContact(session: Session, relays: readonly RelayHint[] = noRelays): Contact {
  const { route } = session.connection;
  const before = known.get(session);
  if (before?.route === route && before.relays === relays) return before.contact;
  const contact = contactOver(route, session, relays);
  known.set(session, { route, relays, contact });
  return contact;
}

function contactOver(route: Route, { nodeId, hello, direction }: Session, relays: readonly RelayHint[]): Contact {
  if (route.kind === 'relay') return contactOf(nodeId, [], 'relayed', relays.length > 0 ? relays : [{ nodeId: route.relay, addresses: [route.via] }]);
  const { host } = route.address;
  const addresses = new Map<string, SocketAddress>();
  for (const address of addressesFor(host, [route.address, ...hello.listen])) addresses.set(formatAddress(address), address);
  if (relays.length > 0) return contactOf(nodeId, [...addresses.values()].filter((address) => addressScope(address.host) === 'public'), 'relayed', relays);
  // Whoever answered a dial can be dialled; one that came to us may sit behind a NAT.
  return contactOf(nodeId, [...addresses.values()], direction === 'out' ? 'public' : 'unknown');
}
