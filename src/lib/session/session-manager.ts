import { abortError, throwIfAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { CloseCode, type Connection, type Endpoint, type Route } from '../transport/endpoint.js';
import type { FrameType } from '../wire/frame-type.js';
import { refusalError } from './close-errors.js';
import { HandlerRegistry, type NotifyHandler, type StreamAcceptor } from './handler-registry.js';
import { Handshake, type AdmittedConnection, type HelloIdentity } from './handshake.js';
import { PeerSession, type SessionOwner, type SessionSettings } from './peer-session.js';
import { realmId } from './realm-proof.js';
import type { ServingLoad } from './request-server.js';
import { SessionGroup } from './session-group.js';
import type { RequestHandler, Session, SessionClose, SessionEvents, SessionManager } from './session.js';

export type SessionManagerSettings = SessionSettings & Pick<Settings, 'realm' | 'realmSecret' | 'handshakeTimeoutMs' | 'maxConnectionsPerPeer'>;

export interface SessionManagerComponents {
  readonly endpoint: Endpoint;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  readonly nodeId: NodeId;
  /** Whether the operator marked this peer untrusted. */
  isDenied(nodeId: NodeId): boolean;
  /** Software and version, for people. */
  readonly agent: string;
  readonly capabilities: readonly string[];
  /** Addresses to tell peers, asked anew for each connection. */
  listenAddresses(): HelloIdentity['listen'];
}

/** How long a dial that is over waits for another one with the same peer: a few round trips of HELLO. */
const contestMs = 1000;

/** Runs HELLO on every connection of an endpoint and keeps one session per admitted peer. */
export class MeshSessionManager implements SessionManager, SessionOwner {
  readonly #components: SessionManagerComponents;
  readonly #settings: SessionManagerSettings;
  readonly #realmId: Uint8Array;
  readonly #registry = new HandlerRegistry();
  readonly #events = new Emitter<SessionEvents>();
  readonly #groups = new Map<NodeId, SessionGroup>();
  readonly #handshakes = new Map<Handshake, NodeId>();
  /** Admitted by this node, not known to have admitted it. */
  readonly #unconfirmed = new Set<PeerSession>();
  /** Called whenever a connection leaves HELLO or is confirmed. */
  readonly #onProgress = new Set<() => void>();
  /** Sessions that were announced as opened. */
  readonly #announced = new WeakSet<PeerSession>();
  readonly #load: ServingLoad = { serving: 0, awaited: 0, draining: false, onIdle: () => undefined };
  #started = false;
  #stopping: Promise<void> | undefined;

  constructor(components: SessionManagerComponents, settings: SessionManagerSettings) {
    this.#components = components;
    this.#settings = settings;
    this.#realmId = realmId(settings.realm);
  }

  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#started) return;
    this.#started = true;
    this.#load.draining = false;
    this.#components.endpoint.onConnection((connection) => this.#incoming(connection));
  }

  /** Refuses new work, lets requests being served finish within drainTimeoutMs, then takes leave of every peer. */
  stop(): Promise<void> {
    if (!this.#started) return this.#stopping ?? Promise.resolve();
    this.#started = false;
    this.#stopping = this.#drain().finally(() => (this.#stopping = undefined));
    return this.#stopping;
  }

  async dial(route: Route, options: { expectedId?: NodeId; signal?: AbortSignal } = {}): Promise<Session> {
    throwIfAborted(options.signal);
    if (!this.#started) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the node is not running');
    const known = options.expectedId === undefined ? undefined : this.get(options.expectedId);
    if (known) return known;
    let nodeId = options.expectedId;
    try {
      const connection = await this.#components.endpoint.dial(route, options);
      nodeId = connection.peer.nodeId;
      return await this.#admitDialled(connection, options.signal);
    } catch (error) {
      const refusal = MaculaError.from(error);
      // Nobody was there, or nobody wanted to know any more: no connection was refused.
      if (refusal.code !== 'MACULA_UNREACHABLE' && refusal.code !== 'MACULA_ABORTED') {
        this.#events.emit('refused', { nodeId, address: route.address, code: refusal.code, reason: refusal.message, direction: 'out' });
      }
      throw refusal;
    }
  }

  get(nodeId: NodeId): Session | undefined {
    return this.#groups.get(nodeId)?.primary;
  }

  list(): readonly Session[] {
    return [...this.#groups.values()].flatMap((group) => group.primary ?? []);
  }

  handle(type: FrameType, replyType: FrameType, handler: RequestHandler): void {
    this.#registry.addRequest(type, replyType, handler);
  }

  handleNotify(type: FrameType, handler: NotifyHandler): void {
    this.#registry.addNotify(type, handler);
  }

  handleStream(purpose: string, accept: StreamAcceptor): void {
    this.#registry.addStream(purpose, accept);
  }

  on<Name extends keyof SessionEvents>(name: Name, listener: (value: SessionEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  confirmed(session: PeerSession): void {
    if (!this.#unconfirmed.delete(session)) return;
    this.#join(session);
    this.#progressed();
  }

  closing(session: PeerSession): void {
    this.#groups.get(session.nodeId)?.closing(session);
  }

  closed(session: PeerSession, close: SessionClose): void {
    if (this.#unconfirmed.delete(session)) {
      this.#refused(session.connection, refusalError(close));
      return this.#progressed();
    }
    const group = this.#groups.get(session.nodeId);
    group?.remove(session);
    if (group?.isEmpty) this.#groups.delete(session.nodeId);
    if (this.#announced.has(session)) this.#events.emit('closed', { session, close });
  }

  givenUpByPeer(session: PeerSession): void {
    this.#groups.get(session.nodeId)?.givenUpByPeer(session);
  }

  #incoming(connection: Connection): void {
    const { nodeId } = connection.peer;
    const refuse = (code: CloseCode, error: MaculaError): void => {
      connection.close(code, error.message);
      this.#refused(connection, error);
    };
    if (this.#load.draining) return refuse(CloseCode.shuttingDown, new MaculaError('MACULA_OVERLOADED', 'the node is shutting down'));
    if (this.#components.isDenied(nodeId)) return refuse(CloseCode.untrusted, deniedError());
    if (this.#connectionsOf(nodeId) >= this.#settings.maxConnectionsPerPeer) return refuse(CloseCode.overloaded, tooManyError(this.#settings.maxConnectionsPerPeer));
    this.#handshake(connection, (admitted) => this.#admit(admitted), (error) => this.#refused(connection, error));
  }

  async #admitDialled(connection: Connection, signal: AbortSignal | undefined): Promise<Session> {
    const { nodeId } = connection.peer;
    if (this.#components.isDenied(nodeId)) {
      connection.close(CloseCode.untrusted, 'this node was told not to trust the node it reached');
      throw deniedError();
    }
    const group = this.#groups.get(nodeId);
    const existing = group?.primary;
    if (existing && (await group.answers(existing))) {
      connection.close(CloseCode.duplicateConnection, 'there is a session already');
      return existing;
    }
    if (this.#connectionsOf(nodeId) >= this.#settings.maxConnectionsPerPeer) {
      connection.close(CloseCode.overloaded, 'too many connections with this peer');
      throw tooManyError(this.#settings.maxConnectionsPerPeer);
    }
    await this.#hello(connection, signal);
    await this.#uncontested(nodeId);
    const session = await this.#groups.get(nodeId)?.settled();
    if (session) return session;
    throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the connection ended right after admission');
  }

  /** Resolves when the peer admitted us. Aborting closes the connection. */
  #hello(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => handshake.abandon(CloseCode.normal, abortError(signal!));
      const handshake = this.#handshake(
        connection,
        (admitted) => {
          signal?.removeEventListener('abort', onAbort);
          this.#admit(admitted);
          resolve();
        },
        (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      );
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  #handshake(connection: Connection, admitted: (admitted: AdmittedConnection) => void, refused: (error: MaculaError) => void): Handshake {
    const { clock, random, nodeId, agent, capabilities } = this.#components;
    const { realmSecret } = this.#settings;
    const identity = { nodeId, realmId: this.#realmId, realmSecret, agent, capabilities, listen: this.#components.listenAddresses() };
    const outcome = {
      admitted: (result: AdmittedConnection): void => {
        this.#handshakes.delete(handshake);
        admitted(result);
        this.#progressed();
      },
      refused: (error: MaculaError): void => {
        this.#handshakes.delete(handshake);
        refused(error);
        this.#progressed();
      },
    };
    const handshake = new Handshake({ clock, random, connection, identity, outcome }, this.#settings);
    this.#handshakes.set(handshake, connection.peer.nodeId);
    handshake.start();
    return handshake;
  }

  #admit(admitted: AdmittedConnection): void {
    const { clock, logger } = this.#components;
    const session = new PeerSession({ clock, logger, registry: this.#registry, load: this.#load, owner: this }, admitted, this.#settings);
    if (session.direction === 'out') this.#join(session);
    else this.#unconfirmed.add(session);
    session.open();
  }

  #join(session: PeerSession): void {
    const { nodeId: self, clock } = this.#components;
    const { nodeId: peer } = session;
    let group = this.#groups.get(peer);
    if (!group) {
      group = new SessionGroup({ clock }, { self, peer }, this.#settings.handshakeTimeoutMs, (primary) => this.#primaryChanged(primary));
      this.#groups.set(peer, group);
    }
    group.add(session);
  }

  #primaryChanged(session: PeerSession | undefined): void {
    if (!session) return;
    this.#announced.add(session);
    this.#events.emit('opened', session);
  }

  #refused(connection: Connection, error: MaculaError): void {
    // A dialler that found it has a session already is no refusal.
    if (error.details['closeCode'] === CloseCode.duplicateConnection) return;
    this.#events.emit('refused', { nodeId: connection.peer.nodeId, address: connection.route.address, code: error.code, reason: error.message, direction: 'in' });
  }

  #connectionsOf(nodeId: NodeId): number {
    return (this.#groups.get(nodeId)?.members.length ?? 0) + this.#undecidedOf(nodeId);
  }

  /** Connections with a peer that may yet become sessions. */
  #undecidedOf(nodeId: NodeId): number {
    let count = 0;
    for (const peer of this.#handshakes.values()) if (peer === nodeId) count++;
    for (const session of this.#unconfirmed) if (session.nodeId === nodeId) count++;
    return count;
  }

  /** Resolves when no other connection with the peer is in HELLO, so that a dial ends with the session that stays. */
  #uncontested(nodeId: NodeId): Promise<void> {
    if (this.#undecidedOf(nodeId) === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.#undecidedOf(nodeId) === 0) done();
      };
      const done = (): void => {
        timer.cancel();
        this.#onProgress.delete(check);
        resolve();
      };
      const timer = this.#components.clock.setTimer(contestMs, done);
      this.#onProgress.add(check);
    });
  }

  #progressed(): void {
    for (const listener of [...this.#onProgress]) listener();
  }

  async #drain(): Promise<void> {
    this.#load.draining = true;
    for (const handshake of [...this.#handshakes.keys()]) handshake.abandon(CloseCode.shuttingDown, new MaculaError('MACULA_ABORTED', 'the node is shutting down'));
    await this.#served();
    const sessions = [...this.#unconfirmed, ...[...this.#groups.values()].flatMap((group) => group.members)];
    await Promise.all(sessions.map((session) => session.drainAndClose(CloseCode.shuttingDown, 'the node is shutting down')));
  }

  /** Resolves when nobody waits for an answer any more, or after drainTimeoutMs. */
  #served(): Promise<void> {
    if (this.#load.awaited === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#components.clock.setTimer(this.#settings.drainTimeoutMs, resolve);
      this.#load.onIdle = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

function deniedError(): MaculaError {
  return new MaculaError('MACULA_PEER_UNTRUSTED', 'the operator of this node marked the peer untrusted');
}

function tooManyError(limit: number): MaculaError {
  return new MaculaError('MACULA_OVERLOADED', 'too many connections with one peer', { details: { limit: 'maxConnectionsPerPeer', value: limit } });
}
