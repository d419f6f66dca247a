import { formatAddress, type SocketAddress } from '../base/address.js';
import { contactOf, type Contact } from '../dht/contact.js';
import { addressesFor } from '../base/address-reach.js';
import type { Session } from '../session/session.js';

/**
 * The peer of a session as the DHT speaks of it: first the address its packets come from, then those it says it
 * listens on.
 */
export function sessionContact({ nodeId, hello, connection, direction }: Session): Contact {
  const { route } = connection;
  if (route.kind !== 'direct') return contactOf(nodeId, [], 'relayed');
  const { host } = route.address;
  const addresses = new Map<string, SocketAddress>();
  for (const address of addressesFor(host, [route.address, ...hello.listen])) addresses.set(formatAddress(address), address);
  // Whoever answered a dial can be dialled; one that came to us may sit behind a NAT.
  return contactOf(nodeId, [...addresses.values()], direction === 'out' ? 'public' : 'unknown');
}
