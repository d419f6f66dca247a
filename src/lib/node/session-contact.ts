import { formatAddress, type SocketAddress } from '../base/address.js';
import { contactOf, type Contact } from '../dht/contact.js';
import { addressesFor } from '../base/address-reach.js';
import type { Session } from '../session/session.js';
import type { Route } from '../transport/endpoint.js';

/** Every request of a peer comes with its contact; it stays the same until the path to the peer changes. */
const known = new WeakMap<Session, { readonly route: Route; readonly contact: Contact }>();

/**
 * The peer of a session as the DHT speaks of it: first the address its packets come from, then those it says it
 * listens on.
 */
export function sessionContact(session: Session): Contact {
  const { route } = session.connection;
  const before = known.get(session);
  if (before?.route === route) return before.contact;
  const contact = contactOver(route, session);
  known.set(session, { route, contact });
  return contact;
}

function contactOver(route: Route, { nodeId, hello, direction }: Session): Contact {
  if (route.kind === 'relay') return contactOf(nodeId, [], 'relayed', [{ nodeId: route.relay, addresses: [route.via] }]);
  const { host } = route.address;
  const addresses = new Map<string, SocketAddress>();
  for (const address of addressesFor(host, [route.address, ...hello.listen])) addresses.set(formatAddress(address), address);
  // Whoever answered a dial can be dialled; one that came to us may sit behind a NAT.
  return contactOf(nodeId, [...addresses.values()], direction === 'out' ? 'public' : 'unknown');
}
