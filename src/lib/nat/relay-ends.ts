import type { SocketAddress } from '../base/address.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionEvents } from '../session/session.js';
import type { RelayRoute } from '../transport/endpoint.js';
import { FrameType } from '../wire/frame-type.js';
import { readRelayClose, readRelayIncoming, readRelayOpenReply, readRelayPeerReply, relayCloseBody, relayOpenBody, relayPeerBody } from '../wire/relay-messages.js';
import type { RelayPorts } from './ports.js';

export interface RelayEndsEvents {
  /** A peer opened a session with this node; its connection follows. */
  incoming: { readonly route: RelayRoute; readonly peer: NodeId };
  /** A session is over, whoever ended it. */
  ended: { readonly route: RelayRoute; readonly peer: NodeId; readonly reason: string };
}

export interface RelayEndsComponents extends RelayPorts {
  /** Whether this node holds a reservation with that relay, so that sessions may come from it. */
  readonly isReserved: (relay: NodeId) => boolean;
  /** A RELAY_CLOSE for a session this node relays. Returns whether there is one. */
  readonly closedByPeer: (nodeId: NodeId, sessionId: string) => boolean;
}

/** A session of a relay that this node is an end of. */
interface Held {
  readonly route: RelayRoute;
  readonly peer: NodeId;
  readonly direction: 'in' | 'out';
}

/** Sessions others may open with this node through one relay; a relay that says there are more is not believed. */
const maxIncomingPerRelay = 64;

/** The sessions of relays that this node is an end of: those it opened, and those peers opened with it. */
export class RelayEnds implements Service {
  readonly #components: RelayEndsComponents;
  readonly #events = new Emitter<RelayEndsEvents>();
  readonly #held = new Map<string, Held>();
  #unsubscribe: (() => void)[] = [];
  #isRunning = false;

  constructor(components: RelayEndsComponents) {
    this.#components = components;
  }

  /** To be started once per session manager: it takes a handler only once. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { sessions } = this.#components;
    sessions.handleNotify(FrameType.relayIncoming, (body, { session }) => this.#incoming(body, session));
    sessions.handleNotify(FrameType.relayClose, (body, { session }) => this.#closedByRelay(body, session));
    this.#unsubscribe = [sessions.on('opened', (session) => this.#opened(session)), sessions.on('closed', (event) => this.#closed(event))];
  }

  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    for (const sessionId of [...this.#held.keys()]) this.close(sessionId, 'stopping');
  }

  on<Name extends keyof RelayEndsEvents>(name: Name, listener: (value: RelayEndsEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** Sessions held, both directions. */
  list(): readonly Held[] {
    return [...this.#held.values()];
  }

  /**
   * Opens a session with a peer; the route returned can be dialled, or added to a connection with the peer.
   * @param relay an admitted session with the relay
   * @throws MaculaError MACULA_RELAY_REFUSED, and as Session.request
   */
  async open(relay: Session, peer: NodeId, signal?: AbortSignal): Promise<RelayRoute> {
    const sessionId = readRelayOpenReply(await relay.request(FrameType.relayOpen, relayOpenBody(peer), signal ? { signal } : {}));
    if (!this.#isRunning || relay.connection.route.kind !== 'direct') {
      relay.notify(FrameType.relayClose, relayCloseBody({ sessionId, reason: 'closed' }));
      throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the relay can no longer be used');
    }
    return this.#hold(relay, sessionId, peer, 'out').route;
  }

  /**
   * Where a relay sees the other end of a session held with it: the relay has authenticated both.
   * @throws MaculaError MACULA_CONNECTION_CLOSED, MACULA_RELAY_REFUSED, and as Session.request
   */
  async locate({ relay, sessionId }: RelayRoute, signal?: AbortSignal): Promise<SocketAddress> {
    const session = this.#held.has(sessionId) ? this.#components.sessions.get(relay) : undefined;
    if (!session) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the session with the relay is over');
    return readRelayPeerReply(await session.request(FrameType.relayPeer, relayPeerBody(sessionId), signal ? { signal } : {}));
  }

  /** Gives a session up and tells the relay. */
  close(sessionId: string, reason = 'closed'): void {
    const held = this.#held.get(sessionId);
    if (!held) return;
    this.#components.sessions.get(held.route.relay)?.notify(FrameType.relayClose, relayCloseBody({ sessionId, reason }));
    this.#drop(held, reason);
  }

  #hold(relay: Session, sessionId: string, peer: NodeId, direction: Held['direction']): Held {
    const held = { route: this.#components.transport.joinRelay(relay.connection, sessionId, peer), peer, direction };
    this.#held.set(sessionId, held);
    this.#keep();
    return held;
  }

  #incoming(body: unknown, relay: Session): void {
    const { sessionId, nodeId: peer } = readRelayIncoming(body);
    const fromThere = this.list().filter(({ route, direction }) => direction === 'in' && route.relay === relay.nodeId).length;
    const isWanted = this.#components.isReserved(relay.nodeId) && relay.connection.route.kind === 'direct' && fromThere < maxIncomingPerRelay;
    if (!isWanted || this.#held.has(sessionId) || relay.connection.isClosed) {
      relay.notify(FrameType.relayClose, relayCloseBody({ sessionId, reason: 'refused' }));
      return;
    }
    const { route } = this.#hold(relay, sessionId, peer, 'in');
    this.#events.emit('incoming', { route, peer });
  }

  /** Comes from a relay about a session this node is an end of, or from an end about one this node relays. */
  #closedByRelay(body: unknown, from: Session): void {
    const { sessionId, reason } = readRelayClose(body);
    const held = this.#held.get(sessionId);
    if (held?.route.relay === from.nodeId) this.#drop(held, reason);
    else this.#components.closedByPeer(from.nodeId, sessionId);
  }

  /** Sessions go on over another connection with the relay. */
  #opened(relay: Session): void {
    for (const { route, peer } of this.#held.values()) {
      if (route.relay === relay.nodeId && !relay.connection.isClosed) this.#components.transport.joinRelay(relay.connection, route.sessionId, peer);
    }
  }

  #closed({ session }: SessionEvents['closed']): void {
    const other = this.#components.sessions.get(session.nodeId);
    if (other && !other.isClosed) return;
    for (const held of this.list()) if (held.route.relay === session.nodeId) this.#drop(held, 'relay-gone');
  }

  #keep(): void {
    this.#components.keep('relayed by', new Set(this.list().map(({ route }) => route.relay)));
  }

  #drop(held: Held, reason: string): void {
    const { route, peer } = held;
    if (!this.#held.delete(route.sessionId)) return;
    this.#components.transport.leaveRelay(route.sessionId);
    this.#keep();
    this.#events.emit('ended', { route, peer, reason });
  }
}
