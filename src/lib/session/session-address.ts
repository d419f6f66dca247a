import type { SocketAddress } from '../base/address.js';
import type { Session } from './session.js';

/** Where the peer's packets come from; undefined while they come through a relay, whose address says nothing of the peer. */
export function directAddress(session: Session): SocketAddress | undefined {
  const { route } = session.connection;
  return route.kind === 'direct' ? route.address : undefined;
}
