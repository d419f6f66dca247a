import type { SocketAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionManager } from '../session/session.js';
import type { RelayRoute } from '../transport/endpoint.js';
import type { RelayHint } from '../wire/peer-record.js';
import type { RelayEnds } from './relay-ends.js';

export interface RelayDiallerComponents {
  readonly nodeId: NodeId;
  readonly ends: Pick<RelayEnds, 'open' | 'close'>;
  readonly sessions: Pick<SessionManager, 'get' | 'dial'>;
  /** An admitted session with a relay, made if need be. */
  readonly connect: (nodeId: NodeId, addresses: readonly SocketAddress[], signal: AbortSignal) => Promise<Session>;
}

/** Reaches peers through relays. */
export class RelayDialler {
  readonly #components: RelayDiallerComponents;

  constructor(components: RelayDiallerComponents) {
    this.#components = components;
  }

  /**
   * Connects to a peer through one relay and resolves with the admitted session. Where a session with the peer is there
   * by then, or comes first, it gets the way through the relay as one more path.
   * @throws MaculaError MACULA_RELAY_REFUSED, and as SessionManager.dial
   */
  async dial(peer: NodeId, relay: RelayHint, signal: AbortSignal): Promise<Session> {
    const { sessions, ends } = this.#components;
    const route = await this.open(peer, relay, signal);
    try {
      const session = await sessions.dial(route, { expectedId: peer, signal });
      this.attach(session, route);
      return session;
    } catch (error) {
      const session = sessions.get(peer);
      if (session && !session.isClosed) this.attach(session, route);
      else ends.close(route.sessionId);
      throw error;
    }
  }

  /** Opens a way to a peer through a relay. @throws MaculaError MACULA_RELAY_REFUSED, and as Session.request */
  async open(peer: NodeId, relay: RelayHint, signal: AbortSignal): Promise<RelayRoute> {
    const { nodeId, connect, ends } = this.#components;
    if (relay.nodeId === nodeId || relay.nodeId === peer) throw new MaculaError('MACULA_UNREACHABLE', 'a node is no relay for itself');
    return ends.open(await connect(relay.nodeId, relay.addresses, signal), peer, signal);
  }

  /** The way belongs to the session from now on, and ends with it. */
  attach(session: Session, route: RelayRoute): void {
    session.connection.addRoute(route);
    void session.connection.closed.then(() => this.#components.ends.close(route.sessionId));
  }
}
