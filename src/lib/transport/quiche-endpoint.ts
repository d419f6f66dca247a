import { type SocketAddress } from '../base/address.js';
import { throwIfAborted } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { TokenBucket } from '../base/token-bucket.js';
import type { Settings } from '../config/schema.js';
import type { NodeIdentity } from '../identity/identity.js';
import type { NodeId } from '../identity/node-id.js';
import { handshakeOutcome } from './close-reason.js';
import { ClosingTable } from './closing-table.js';
import { ConnectionPaths, probeOf } from './connection-paths.js';
import { classifyDatagram, type DatagramKind } from './datagram-kind.js';
import { DatagramSender } from './datagram-sender.js';
import { DialAttempts } from './dial-attempts.js';
import { DeadlineTimer } from './deadline-timer.js';
import { egressBucket } from './egress-bucket.js';
import { EndpointCounters, type HandshakeReport } from './endpoint-counters.js';
import { CloseCode, type Connection, type ConnectionClose, type DialOptions, type Endpoint, type EndpointStats, type RelayRoute, type Route } from './endpoint.js';
import { HandshakeGate, connectionIdBytes, type GateSettings } from './handshake-gate.js';
import { parseLongHeader } from './long-header.js';
import { createPeerCheck, type PeerCheck, type VerifyPeer } from './peer-check.js';
import { QuicConnection, syntheticLocal, syntheticRemote, type ConnectionHost, type ConnectionSettings, type Origin } from './quic-connection.js';
import { QuicConfigs, loopbackPayloadBytes, type QuicSettings } from './quic-config.js';
import { quiche, type QuicheConnection } from './quiche-binding.js';
import { relayHeaderBytes, relaySessionKey, type RelayLink } from './relay-link.js';
import { RelayLinks } from './relay-links.js';
import type { RelayTransport, RelayedListener } from './relay-transport.js';
import { describeRoute, nextHop } from './route.js';
import { SocketGroup, type SideSockets } from './socket-group.js';
import { SocketPaths } from './socket-paths.js';
import { EndpointStunPort, type StunTransport } from './stun-port.js';
import { TurnScheduler } from './turn-scheduler.js';
import { openUdpSocket, type UdpSocketFactory } from './udp-socket.js';

export type EndpointSettings = GateSettings & QuicSettings & ConnectionSettings & Pick<Settings, 'quicPort' | 'host' | 'socketBufferBytes' | 'egressBytes'>;

export interface EndpointComponents {
  readonly identity: NodeIdentity;
  /** Decides about every peer's certificate. */
  readonly verifyPeer: VerifyPeer;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
  /** The operating system's sockets where absent. */
  readonly openSocket?: UdpSocketFactory;
}

/** How often connections are looked at for abuse. */
const inspectionIntervalMs = 1000;

/** Buffer asked of the system for a side socket: probes, until one of them carries a connection. */
const sideBufferBytes = 256 * 1024;

/** QUIC connections over one UDP socket with the native library (DESIGN.md 2). */
export class QuicheEndpoint implements Endpoint, RelayTransport, SideSockets, StunTransport, ConnectionHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly settings: EndpointSettings;
  readonly receiveBuffer = Buffer.allocUnsafeSlow(65_536);
  readonly egress: TokenBucket;
  readonly stun: EndpointStunPort;
  readonly #out: DatagramSender;
  readonly #components: EndpointComponents;
  readonly #counters = new EndpointCounters();
  readonly #gate: HandshakeGate;
  readonly #closings: ClosingTable;
  readonly #turns: TurnScheduler;
  readonly #deadlines: DeadlineTimer;
  readonly #configs: QuicConfigs;
  readonly #serverCheck: PeerCheck;
  /** By our connection id, and for incoming ones also by the client's first choice. */
  readonly #routing = new Map<string, QuicConnection>();
  readonly #connections = new Set<QuicConnection>();
  readonly #attempts = new DialAttempts();
  readonly #links = new RelayLinks((route) => this.#routeLost(route));
  readonly #paths: SocketPaths;
  #relayed: RelayedListener | undefined;
  #socket: SocketGroup | undefined;
  /** The socket while stop() sends its last packets on it. */
  #stopping: SocketGroup | undefined;
  #inspection: Timer | undefined;
  #accept: ((connection: Connection) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(components: EndpointComponents, settings: EndpointSettings) {
    this.#components = components;
    this.settings = settings;
    this.clock = components.clock;
    this.random = components.random;
    this.egress = egressBucket(settings.egressBytes);
    this.#gate = new HandshakeGate(components, settings);
    this.#closings = new ClosingTable(components.clock);
    this.#turns = new TurnScheduler(this.#onHandlerError);
    const out = { counters: this.#counters, socket: () => this.#socket ?? this.#stopping };
    this.#out = new DatagramSender(out, Math.max(loopbackPayloadBytes, settings.udpPayloadBytes));
    this.#paths = new SocketPaths({ ...components, links: this.#links, out: this.#out, sockets: () => this.#socket });
    this.stun = new EndpointStunPort({ out: this.#out, socket: () => this.#socket });
    this.#deadlines = new DeadlineTimer(components.clock, this.#deadlinesPassed);
    this.#configs = new QuicConfigs(components.identity, settings);
    this.#serverCheck = createPeerCheck(components.verifyPeer, components.identity.nodeId);
  }

  sendBuffer(mayRelay: boolean): Buffer {
    return this.#out.bufferFor(mayRelay);
  }

  get localAddresses(): readonly SocketAddress[] {
    return this.#socket?.addresses ?? [];
  }

  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#socket) return;
    const open = this.#components.openSocket ?? openUdpSocket;
    const { host, quicPort: port, socketBufferBytes: bufferBytes } = this.settings;
    const socket = new SocketGroup(await open({ host, port, bufferBytes }), () => open({ host, port: 0, bufferBytes: sideBufferBytes }));
    this.#socket = socket;
    socket.onMessage(this.#onDatagram);
    socket.onError((error) => {
      this.#components.logger.error('UDP socket failed', { error: error.message });
      this.#failed?.(error);
    });
    this.#inspection = this.clock.setTimer(inspectionIntervalMs, this.#inspect);
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    this.#inspection?.cancel();
    // Those through relays first: their last packets need the relays.
    const relayedFirst = [...this.#connections].sort((a, b) => Number(b.routes.first.link !== undefined) - Number(a.routes.first.link !== undefined));
    for (const connection of relayedFirst) connection.close(CloseCode.shuttingDown, 'the node is shutting down');
    this.#stopping = socket;
    this.#turns.flush();
    this.#stopping = undefined;
    this.#deadlines.cancel();
    this.#closings.clear();
    await socket.close();
  }

  async dial(route: Route, options: DialOptions = {}): Promise<Connection> {
    throwIfAborted(options.signal);
    const socket = this.#socket;
    if (!socket) throw new MaculaError('MACULA_UNREACHABLE', 'the endpoint is not running');
    const hop = this.#paths.hopOf(route);
    if (hop === undefined) throw new MaculaError('MACULA_UNREACHABLE', `${describeRoute(route)} cannot be reached from here`);
    const { verifyPeer, identity } = this.#components;
    const check = createPeerCheck(verifyPeer, identity.nodeId, options.expectedId);
    const sourceId = this.#gate.newId();
    const native = quiche.Connection.connect(null, sourceId, syntheticLocal, syntheticRemote, this.#configs.for(route));
    const source = hop.link ? { relay: hop.link.route.relay, peer: hop.link.peer } : nextHop(route);
    const connection = this.#add(native, 'client', sourceId, new ConnectionPaths(route, hop, 'client', this.#paths), check, { source, proven: true });
    this.activate(connection, false);
    return this.#attempts.begin(connection, route, options.signal);
  }

  onConnection(accept: (connection: Connection) => void): void {
    this.#accept = accept;
  }

  /** Sets who hears how each handshake ended. */
  onHandshake(listener: (handshake: HandshakeReport) => void): void {
    this.#counters.onHandshake(listener);
  }

  onFailure(listener: (error: Error) => void): void {
    this.#failed = listener;
  }

  connections(): readonly Connection[] {
    return [...this.#connections].filter((connection) => connection.isEstablished && !connection.isClosed);
  }

  stats(): EndpointStats {
    const { dropped, handshakesFailed, ...counts } = this.#counters;
    const { halfOpen, connections } = this.#gate.limits;
    return { ...counts, connections, halfOpen, receiveBufferBytes: this.#socket?.receiveBufferBytes ?? 0, dropped: { ...dropped }, handshakesFailed: { ...handshakesFailed } };
  }

  activate(connection: QuicConnection, hasToRead: boolean): void {
    this.#turns.activate(connection, hasToRead);
  }

  schedule(deadlineMs: number): void {
    this.#deadlines.schedule(deadlineMs);
  }

  sendPacket(connection: QuicConnection, length: number): void {
    const { first, second } = connection.routes;
    this.#out.sendPacket(length, first, second, connection.onSendError);
  }

  openSideSockets(count: number): Promise<number[]> {
    return this.#socket?.openSides(count) ?? Promise.resolve([]);
  }

  closeSideSocket(socket: number): void {
    this.#socket?.closeSide(socket);
    for (const connection of this.#connections) connection.loseSocket(socket);
  }

  joinRelay(carrier: Connection, sessionId: string, peer: NodeId): RelayRoute {
    return this.#links.join(carrier as QuicConnection, sessionId, peer);
  }

  leaveRelay(sessionId: string): void {
    this.#links.leave(sessionId);
  }

  onRelayed(listener: RelayedListener | undefined): void {
    this.#relayed = listener;
  }

  comesFrom(connection: Connection, host: string, port: number): boolean {
    return (connection as QuicConnection).routes.comesFrom(host, port);
  }

  suspect(connection: Connection, host: string, port: number): void {
    const { routes } = connection as QuicConnection;
    if (connection.isClosed) return;
    routes.packetFrom(host, port, undefined, 0, this.clock.nowMs());
    this.activate(connection as QuicConnection, false);
  }

  passOn(connection: Connection, datagram: Buffer): boolean {
    const { first, second } = (connection as QuicConnection).routes;
    return !connection.isClosed && this.#out.passOn(datagram, datagram.length, first, second);
  }

  established(connection: QuicConnection): void {
    const { source, proven } = connection.origin;
    this.#counters.handshakeEnded(connection.role, 'completed', this.clock.nowMs() - connection.startedMs);
    if (connection.role === 'client') {
      this.#gate.limits.dialled(source);
      this.#attempts.succeeded(connection);
      return;
    }
    this.#gate.limits.established(source, proven);
    this.#accept?.(connection);
  }

  removed(connection: QuicConnection, close: ConnectionClose, lastPacket: Buffer | undefined): void {
    const { source, proven } = connection.origin;
    this.#connections.delete(connection);
    this.#links.carrierGone(connection);
    this.#routing.delete(connection.idKey);
    if (connection.initialIdKey !== undefined) this.#routing.delete(connection.initialIdKey);
    if (lastPacket && this.#socket) this.#closings.remember(connection.idKey, lastPacket);
    if (connection.isEstablished) {
      this.#gate.limits.closed(source);
      return;
    }
    if (connection.role === 'server') this.#gate.limits.failed(source, proven);
    const reason = connection.failure?.code ?? handshakeOutcome(close);
    this.#counters.handshakeEnded(connection.role, reason, this.clock.nowMs() - connection.startedMs);
    this.#components.logger.debug('a handshake failed', { role: connection.role, route: describeRoute(connection.route), reason, close });
    this.#attempts.failed(connection, close);
  }

  #routeLost(route: RelayRoute): void {
    for (const connection of this.#connections) connection.loseRoute(route);
  }

  #add(native: QuicheConnection, role: 'client' | 'server', id: Buffer, paths: ConnectionPaths, check: PeerCheck, origin: Origin): QuicConnection {
    const connection = new QuicConnection(native, role, id.toString('latin1'), paths, check, this, origin);
    this.#connections.add(connection);
    this.#routing.set(connection.idKey, connection);
    return connection;
  }

  readonly #onDatagram = (packet: Buffer, host: string, port: number): void => {
    this.#counters.datagramsReceived += 1;
    this.#counters.bytesReceived += packet.length;
    try {
      this.#dispatch(packet, host, port);
    } catch (error) {
      // Whatever a stranger sends, the node goes on.
      this.#counters.drop('error');
      this.#components.logger.debug('a datagram could not be handled', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };

  #dispatch(packet: Buffer, host: string, port: number): void {
    const kind = classifyDatagram(packet);
    if (kind === 'relay') return this.#onRelayedDatagram(packet, host, port);
    if (kind === 'stun') return this.#counters.dropIf(this.stun.take(packet, host, port));
    this.#take(kind, packet, host, port, undefined);
  }

  /** @param link the relay session it came through */
  #take(kind: DatagramKind, packet: Buffer, host: string, port: number, link: RelayLink | undefined): void {
    switch (kind) {
      case 'quic-short':
        return this.#route(packet, packet.toString('latin1', 1, 1 + connectionIdBytes), host, port, link);
      case 'quic-long':
        return this.#onLongPacket(packet, host, port, link);
      case 'probe':
        return this.#onProbe(packet, host, port, link);
      default:
        return this.#counters.drop(kind);
    }
  }

  #onRelayedDatagram(datagram: Buffer, host: string, port: number): void {
    const idKey = relaySessionKey(datagram);
    if (idKey === undefined) return this.#counters.drop('relay');
    const link = this.#links.get(idKey);
    if (!link) return this.#counters.dropIf(this.#relayed ? this.#relayed(idKey, datagram, host, port) : 'relay');
    this.#counters.relayedBytesReceived += datagram.length;
    const packet = datagram.subarray(relayHeaderBytes);
    // What is relayed again has no kind here and is dropped.
    this.#take(classifyDatagram(packet), packet, host, port, link);
  }

  #onProbe(packet: Buffer, host: string, port: number, link: RelayLink | undefined): void {
    const found = probeOf(packet);
    const connection = found && this.#routing.get(found.idKey);
    if (!connection || !connection.routes.probeFrom(packet, found.probe, host, port, link)) return this.#counters.drop('probe');
    this.activate(connection, false);
  }

  #route(packet: Buffer, idKey: string, host: string, port: number, link: RelayLink | undefined): void {
    const connection = this.#routing.get(idKey);
    if (connection) return connection.receive(packet, host, port, link);
    const answer = this.#closings.answer(idKey, packet.length);
    if (answer) this.#out.sendDatagram(answer, { host, port, link });
    this.#counters.drop('unknown-connection');
  }

  #onLongPacket(packet: Buffer, host: string, port: number, link: RelayLink | undefined): void {
    const header = parseLongHeader(packet);
    if (!header) return this.#counters.drop('malformed');
    const idKey = header.destinationId.toString('latin1');
    if (this.#routing.has(idKey) || this.#closings.knows(idKey)) return this.#route(packet, idKey, host, port, link);
    // Side sockets are for connections that exist.
    if (!this.#socket || port === 0 || this.#socket.sideOf(host) !== undefined) return this.#counters.drop('unusable-address');
    const address = { host: this.#socket.canonical(host), port };
    const source = link ? { relay: link.route.relay, peer: link.peer } : address;
    const decision = this.#gate.decide(packet, header, source, this.#out.packetBuffer);
    switch (decision.kind) {
      case 'drop':
        return this.#counters.drop(decision.reason);
      case 'answer':
        if (decision.answer === 'retry') this.#counters.retriesSent += 1;
        return this.#out.sendDatagram(this.#out.packetBuffer.subarray(0, decision.length), { host, port, link });
      case 'accept': {
        const { sourceId, originalId, proven } = decision;
        const route = this.#paths.routeOf(host, port, link);
        const native = quiche.Connection.accept(sourceId, originalId ?? null, syntheticLocal, syntheticRemote, this.#configs.for(route));
        const paths = new ConnectionPaths(route, { host, port, link }, 'server', this.#paths);
        const connection = this.#add(native, 'server', sourceId, paths, this.#serverCheck, { source, proven });
        this.#gate.limits.opened(source, proven);
        if (idKey !== connection.idKey) {
          this.#routing.set(idKey, connection);
          connection.initialIdKey = idKey;
        }
        connection.receive(packet, host, port, link);
      }
    }
  }

  /** A handler threw: a bug of this node, which costs the connection and nothing else. */
  readonly #onHandlerError = (connection: QuicConnection, error: unknown): void => {
    this.#components.logger.error('a handler of a connection failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    if (!connection.isClosed) return connection.close(CloseCode.normal, 'internal error');
    try {
      connection.drop({ by: 'error', code: 0, reason: 'internal error' });
    } catch {
      // Logged the first time.
    }
  };

  #guarded(connection: QuicConnection, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onHandlerError(connection, error);
    }
  }

  readonly #deadlinesPassed = (nowMs: number): number => {
    let nextMs = Infinity;
    for (const connection of this.#connections) {
      if (connection.deadlineMs <= nowMs) this.#guarded(connection, () => connection.deadlinePassed(nowMs));
      if (connection.deadlineMs < nextMs) nextMs = connection.deadlineMs;
    }
    return nextMs;
  };

  readonly #inspect = (): void => {
    const nowMs = this.clock.nowMs();
    for (const connection of this.#connections) this.#guarded(connection, () => connection.inspect(nowMs));
    this.#inspection = this.clock.setTimer(inspectionIntervalMs, this.#inspect);
  };
}
