import { abortError, onceAborted, throwIfAborted, untilAborted } from '../base/abort.js';
import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { CloseCode, type Connection, type Endpoint, type Route } from '../transport/endpoint.js';
import type { FrameType } from '../wire/frame-type.js';
import { Admissions } from './admissions.js';
import { refusalError } from './close-errors.js';
import { HandlerRegistry, type NotifyHandler, type StreamAcceptor } from './handler-registry.js';
import type { AdmittedConnection, HelloIdentity } from './handshake.js';
import { PeerSession, type SessionOwner, type SessionSettings } from './peer-session.js';
import { realmId } from './realm-proof.js';
import type { ServingLoad } from './request-server.js';
import { SessionGroup } from './session-group.js';
import type { OversizedReplyHandler, RequestHandler, Session, SessionClose, SessionEvents, SessionManager } from './session.js';
import { untrustedError } from './untrusted-error.js';

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
  readonly listenAddresses: () => HelloIdentity['listen'];
}

/** Runs HELLO on every connection of an endpoint and keeps one session per admitted peer. */
export class MeshSessionManager implements SessionManager, SessionOwner {
  readonly #components: SessionManagerComponents;
  readonly #settings: SessionManagerSettings;
  readonly #realmId: Uint8Array;
  readonly #registry = new HandlerRegistry();
  readonly #events = new Emitter<SessionEvents>();
  readonly #groups = new Map<NodeId, SessionGroup>();
  readonly #admissions: Admissions;
  /** Sessions that were announced as opened. */
  readonly #announced = new WeakSet<PeerSession>();
  readonly #load: ServingLoad = { serving: 0, awaited: 0, draining: false, onIdle: () => undefined };
  #started = false;
  #stopping: Promise<void> | undefined;

  constructor(components: SessionManagerComponents, settings: SessionManagerSettings) {
    this.#components = components;
    this.#settings = settings;
    this.#realmId = realmId(settings.realm);
    this.#admissions = new Admissions(components, settings);
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
    if (!this.#started) throw stoppedError();
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
        this.#events.emit('refused', { nodeId, address: addressOf(route), code: refusal.code, reason: refusal.message, direction: 'out' });
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

  handle(type: FrameType, replyType: FrameType, handler: RequestHandler, onOversized?: OversizedReplyHandler): void {
    this.#registry.addRequest(type, replyType, handler, onOversized);
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
    this.#admissions.release(session, () => this.#join(session));
  }

  closing(session: PeerSession): void {
    this.#groups.get(session.nodeId)?.closing(session);
  }

  closed(session: PeerSession, close: SessionClose): void {
    if (this.#admissions.release(session, () => this.#refused(session.connection, refusalError(close)))) return;
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
    if (this.#components.isDenied(nodeId)) return refuse(CloseCode.untrusted, untrustedError(nodeId));
    if (this.#connectionsOf(nodeId) >= this.#settings.maxConnectionsPerPeer) return refuse(CloseCode.overloaded, tooManyError(this.#settings.maxConnectionsPerPeer));
    this.#admissions.begin(connection, this.#identity(), { admitted: (admitted) => this.#admit(admitted), refused: (error) => this.#refused(connection, error) });
  }

  async #admitDialled(connection: Connection, signal: AbortSignal | undefined): Promise<Session> {
    const { nodeId } = connection.peer;
    const give = (code: CloseCode, error: MaculaError): never => {
      connection.close(code, error.message);
      throw error;
    };
    if (!this.#started) give(CloseCode.shuttingDown, stoppedError());
    if (this.#components.isDenied(nodeId)) give(CloseCode.untrusted, untrustedError(nodeId));
    const group = this.#groups.get(nodeId);
    const existing = group?.primary;
    const answered = existing && (await orAborted(group.answers(existing), signal).catch((error: unknown) => give(CloseCode.normal, MaculaError.from(error))));
    if (answered) {
      connection.close(CloseCode.duplicateConnection, 'there is a session already');
      return existing;
    }
    if (!this.#started) give(CloseCode.shuttingDown, stoppedError());
    if (this.#connectionsOf(nodeId) >= this.#settings.maxConnectionsPerPeer) give(CloseCode.overloaded, tooManyError(this.#settings.maxConnectionsPerPeer));
    await this.#hello(connection, signal);
    const session = await orAborted(this.#settled(nodeId), signal);
    if (session) return session;
    throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the connection ended right after admission');
  }

  /** The session that stays of all that are under way with a peer. */
  async #settled(nodeId: NodeId): Promise<Session | undefined> {
    await this.#admissions.uncontested(nodeId);
    return this.#groups.get(nodeId)?.settled();
  }

  /** Resolves when the peer admitted us. Aborting closes the connection. */
  #hello(connection: Connection, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => handshake.abandon(CloseCode.normal, abortError(signal!));
      const handshake = this.#admissions.begin(connection, this.#identity(), {
        admitted: (admitted) => {
          signal?.removeEventListener('abort', onAbort);
          this.#admit(admitted);
          resolve();
        },
        refused: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      });
      if (signal) onceAborted(signal, onAbort);
    });
  }

  #identity(): HelloIdentity {
    const { nodeId, agent, capabilities, listenAddresses } = this.#components;
    return { nodeId, realmId: this.#realmId, realmSecret: this.#settings.realmSecret, agent, capabilities, listen: listenAddresses() };
  }

  #admit(admitted: AdmittedConnection): void {
    const { clock, logger } = this.#components;
    const session = new PeerSession({ clock, logger, registry: this.#registry, load: this.#load, owner: this }, admitted, this.#settings);
    if (session.direction === 'out') this.#join(session);
    else this.#admissions.hold(session);
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
    this.#events.emit('refused', { nodeId: connection.peer.nodeId, address: addressOf(connection.route), code: error.code, reason: error.message, direction: 'in' });
  }

  #connectionsOf(nodeId: NodeId): number {
    return (this.#groups.get(nodeId)?.members.length ?? 0) + this.#admissions.count(nodeId);
  }

  async #drain(): Promise<void> {
    this.#load.draining = true;
    this.#admissions.abandonAll(CloseCode.shuttingDown, stoppedError());
    await this.#served();
    const sessions = [...this.#admissions.unconfirmed, ...[...this.#groups.values()].flatMap((group) => group.members)];
    const relayed = sessions.filter(({ connection }) => connection.route.kind === 'relay');
    const leave = (some: readonly PeerSession[]): Promise<unknown> => Promise.all(some.map((session) => session.drainAndClose(CloseCode.shuttingDown, 'the node is shutting down')));
    // Before the others, as a relay may be among those.
    await leave(relayed);
    await leave(sessions.filter((session) => !relayed.includes(session)));
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

function addressOf(route: Route): SocketAddress | undefined {
  return route.kind === 'direct' ? route.address : undefined;
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal ? untilAborted(promise, signal) : promise;
}

function stoppedError(): MaculaError {
  return new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running');
}

function tooManyError(limit: number): MaculaError {
  return new MaculaError('MACULA_OVERLOADED', 'too many connections with one peer', { details: { limit: 'maxConnectionsPerPeer', value: limit } });
}
