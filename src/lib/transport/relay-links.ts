import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { Connection, RelayRoute } from './endpoint.js';
import { RelayLink, type Hop, type RelayCarrier } from './relay-link.js';
import { relayIdKey } from './relay-transport.js';
import { nextHop } from './route.js';

/** The relay sessions this node is an end of. */
export class RelayLinks {
  readonly #links = new Map<string, RelayLink>();
  readonly #onLost: (route: RelayRoute) => void;

  /** @param onLost hears of each route that does not lead anywhere any more */
  constructor(onLost: (route: RelayRoute) => void) {
    this.#onLost = onLost;
  }

  get(idKey: string): RelayLink | undefined {
    return this.#links.get(idKey);
  }

  hop(sessionId: string): Hop | undefined {
    const link = this.#links.get(relayIdKey(sessionId));
    return link && { host: '', port: 0, link };
  }

  /** A link that is there already goes on over this connection. @throws MaculaError MACULA_CONNECTION_CLOSED when the connection to the relay is gone */
  join(carrier: Connection & RelayCarrier, sessionId: string, peer: NodeId): RelayRoute {
    if (carrier.isClosed) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the connection to the relay is closed');
    const known = this.#links.get(relayIdKey(sessionId));
    if (known?.route.relay === carrier.peer.nodeId) {
      known.carrier = carrier;
      return known.route;
    }
    const route: RelayRoute = { kind: 'relay', relay: carrier.peer.nodeId, via: nextHop(carrier.route), sessionId };
    const link = new RelayLink(carrier, route, peer);
    this.#links.set(link.idKey, link);
    return route;
  }

  leave(sessionId: string): void {
    this.#drop(this.#links.get(relayIdKey(sessionId)));
  }

  /** The connection to a relay ended, if it was one. */
  carrierGone(connection: RelayCarrier): void {
    for (const link of [...this.#links.values()]) if (link.carrier === connection) this.#drop(link);
  }

  #drop(link: RelayLink | undefined): void {
    if (link && this.#links.delete(link.idKey)) this.#onLost(link.route);
  }
}
