import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import { throwIfAborted } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import { TokenBucket } from '../base/token-bucket.js';
import type { Settings } from '../config/schema.js';
import type { NodeIdentity } from '../identity/identity.js';
import { handshakeOutcome } from './close-reason.js';
import { ClosingTable } from './closing-table.js';
import { ConnectionPaths, probeOf, type PathHost } from './connection-paths.js';
import { classifyDatagram } from './datagram-kind.js';
import { DialAttempts } from './dial-attempts.js';
import { DeadlineTimer } from './deadline-timer.js';
import { EndpointCounters } from './endpoint-counters.js';
import { CloseCode, type Connection, type ConnectionClose, type DialOptions, type Endpoint, type EndpointStats, type Route } from './endpoint.js';
import { HandshakeGate, connectionIdBytes, type GateSettings } from './handshake-gate.js';
import { parseLongHeader } from './long-header.js';
import { createPeerCheck, type PeerCheck, type VerifyPeer } from './peer-check.js';
import { egressBurstSeconds, QuicConnection, syntheticLocal, syntheticRemote, type ConnectionHost, type ConnectionSettings } from './quic-connection.js';
import { createQuicConfig, loopbackPayloadBytes, smallPayloadBytes, type QuicSettings } from './quic-config.js';
import { quiche, type QuicheConfig, type QuicheConnection } from './quiche-binding.js';
import { TurnScheduler } from './turn-scheduler.js';
import { openUdpSocket, type UdpSocket, type UdpSocketFactory } from './udp-socket.js';

export type EndpointSettings = GateSettings & QuicSettings & ConnectionSettings & Pick<Settings, 'quicPort' | 'host' | 'udpPayloadBytes' | 'socketBufferBytes' | 'egressBytes'>;

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

/** QUIC connections over one UDP socket with the native library (DESIGN.md 2). */
export class QuicheEndpoint implements Endpoint, ConnectionHost, PathHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly settings: EndpointSettings;
  readonly receiveBuffer = Buffer.allocUnsafeSlow(65_536);
  readonly egress: TokenBucket;
  sendBuffer: Buffer;
  readonly #sendBufferBytes: number;
  readonly #components: EndpointComponents;
  readonly #counters = new EndpointCounters();
  readonly #gate: HandshakeGate;
  readonly #closings: ClosingTable;
  readonly #turns: TurnScheduler;
  readonly #deadlines: DeadlineTimer;
  readonly #configs = new Map<number, QuicheConfig>();
  readonly #serverCheck: PeerCheck;
  /** By our connection id, and for incoming ones also by the client's first choice. */
  readonly #routing = new Map<string, QuicConnection>();
  readonly #connections = new Set<QuicConnection>();
  readonly #attempts = new DialAttempts();
  #socket: UdpSocket | undefined;
  /** The socket while stop() sends its last packets on it. */
  #stopping: UdpSocket | undefined;
  #inspection: Timer | undefined;
  #accept: ((connection: Connection) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(components: EndpointComponents, settings: EndpointSettings) {
    this.#components = components;
    this.settings = settings;
    this.clock = components.clock;
    this.random = components.random;
    this.egress = new TokenBucket(settings.egressBytes * egressBurstSeconds, settings.egressBytes);
    this.#gate = new HandshakeGate(components, settings);
    this.#closings = new ClosingTable(components.clock);
    this.#turns = new TurnScheduler(this.#onHandlerError);
    this.#sendBufferBytes = Math.max(loopbackPayloadBytes, settings.udpPayloadBytes);
    this.sendBuffer = Buffer.allocUnsafeSlow(this.#sendBufferBytes);
    this.#deadlines = new DeadlineTimer(components.clock, this.#deadlinesPassed);
    this.#serverCheck = createPeerCheck(components.verifyPeer, components.identity.nodeId);
  }

  get localAddresses(): readonly SocketAddress[] {
    return this.#socket?.addresses ?? [];
  }

  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#socket) return;
    const open = this.#components.openSocket ?? openUdpSocket;
    const socket = await open({ host: this.settings.host, port: this.settings.quicPort, bufferBytes: this.settings.socketBufferBytes });
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
    for (const connection of this.#connections) connection.close(CloseCode.shuttingDown, 'the node is shutting down');
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
    const host = socket.native(route.address.host);
    if (host === undefined || addressScope(route.address.host) === 'unusable') {
      throw new MaculaError('MACULA_UNREACHABLE', `${formatAddress(route.address)} cannot be reached from here`);
    }
    const { verifyPeer, identity } = this.#components;
    const check = createPeerCheck(verifyPeer, identity.nodeId, options.expectedId);
    const sourceId = this.#gate.newId();
    const native = quiche.Connection.connect(null, sourceId, syntheticLocal, syntheticRemote, this.#configFor(route.address));
    const connection = this.#add(native, 'client', sourceId, new ConnectionPaths(route, host, 'client', this), check);
    this.activate(connection, false);
    return this.#attempts.begin(connection, route, options.signal);
  }

  onConnection(accept: (connection: Connection) => void): void {
    this.#accept = accept;
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
    return { ...counts, connections, halfOpen, dropped: { ...dropped }, handshakesFailed: { ...handshakesFailed } };
  }

  activate(connection: QuicConnection, hasToRead: boolean): void {
    this.#turns.activate(connection, hasToRead);
  }

  schedule(deadlineMs: number): void {
    this.#deadlines.schedule(deadlineMs);
  }

  sendPacket(connection: QuicConnection, length: number): void {
    const { remoteHost, remotePort, secondHost, secondPort } = connection.routes;
    const buffer = this.sendBuffer;
    this.#send(buffer, length, remoteHost, remotePort, connection.onSendError);
    if (secondHost !== undefined) this.#send(buffer, length, secondHost, secondPort);
  }

  nativeHost(host: string): string | undefined {
    return this.#socket?.native(host);
  }

  canonicalHost(host: string): string {
    return this.#socket?.canonical(host) ?? host;
  }

  sendDatagram(bytes: Uint8Array, host: string, port: number): void {
    this.#send(Buffer.from(bytes), bytes.length, host, port);
  }

  established(connection: QuicConnection): void {
    const { address, proven } = connection.origin;
    this.#counters.handshakesCompleted += 1;
    if (connection.role === 'client') {
      this.#gate.limits.dialled(address);
      this.#attempts.succeeded(connection);
      return;
    }
    this.#gate.limits.established(address, proven);
    this.#accept?.(connection);
  }

  removed(connection: QuicConnection, close: ConnectionClose, lastPacket: Buffer | undefined): void {
    const { address, proven } = connection.origin;
    this.#connections.delete(connection);
    this.#routing.delete(connection.idKey);
    if (connection.initialIdKey !== undefined) this.#routing.delete(connection.initialIdKey);
    if (lastPacket && this.#socket) this.#closings.remember(connection.idKey, lastPacket);
    if (connection.isEstablished) {
      this.#gate.limits.closed(address);
      return;
    }
    if (connection.role === 'server') this.#gate.limits.failed(address, proven);
    const reason = connection.failure?.code ?? handshakeOutcome(close);
    this.#counters.handshakeFailed(reason);
    this.#components.logger.debug('a handshake failed', { role: connection.role, address: formatAddress(address), reason, close });
    this.#attempts.failed(connection, close);
  }

  #send(buffer: Buffer, length: number, host: string, port: number, onError?: (error: Error) => void): void {
    const socket = this.#socket ?? this.#stopping;
    if (!socket) return;
    this.#counters.datagramsSent += 1;
    this.#counters.bytesSent += length;
    const reusable = socket.send(buffer, length, host, port, onError);
    if (!reusable && buffer === this.sendBuffer) this.sendBuffer = Buffer.allocUnsafeSlow(this.#sendBufferBytes);
  }

  #configFor(address: SocketAddress): QuicheConfig {
    const chosen = addressScope(address.host) === 'loopback' ? loopbackPayloadBytes : smallPayloadBytes;
    const payloadBytes = this.settings.udpPayloadBytes === 0 ? chosen : Math.max(smallPayloadBytes, this.settings.udpPayloadBytes);
    let config = this.#configs.get(payloadBytes);
    if (!config) this.#configs.set(payloadBytes, (config = createQuicConfig(this.#components.identity, this.settings, payloadBytes)));
    return config;
  }

  #add(native: QuicheConnection, role: 'client' | 'server', id: Buffer, paths: ConnectionPaths, check: PeerCheck, proven = false): QuicConnection {
    const connection = new QuicConnection(native, role, id.toString('latin1'), paths, check, this, proven);
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
    switch (kind) {
      case 'quic-short':
        return this.#route(packet, packet.toString('latin1', 1, 1 + connectionIdBytes), host, port);
      case 'quic-long':
        return this.#onLongPacket(packet, host, port);
      case 'probe':
        return this.#onProbe(packet, host, port);
      default:
        return this.#counters.drop(kind);
    }
  }

  #onProbe(packet: Buffer, host: string, port: number): void {
    const found = probeOf(packet);
    const connection = found && this.#routing.get(found.idKey);
    if (!connection || !connection.routes.probeFrom(packet, found.probe, host, port)) return this.#counters.drop('probe');
    this.activate(connection, false);
  }

  #route(packet: Buffer, idKey: string, host: string, port: number): void {
    const connection = this.#routing.get(idKey);
    if (connection) return connection.receive(packet, host, port);
    const answer = this.#closings.answer(idKey, packet.length);
    if (answer) this.#send(answer, answer.length, host, port);
    this.#counters.drop('unknown-connection');
  }

  #onLongPacket(packet: Buffer, host: string, port: number): void {
    const header = parseLongHeader(packet);
    if (!header) return this.#counters.drop('malformed');
    const idKey = header.destinationId.toString('latin1');
    if (this.#routing.has(idKey) || this.#closings.knows(idKey)) return this.#route(packet, idKey, host, port);
    if (!this.#socket || port === 0) return this.#counters.drop('unusable-address');
    const address = { host: this.#socket.canonical(host), port };
    const decision = this.#gate.decide(packet, header, address, this.sendBuffer);
    switch (decision.kind) {
      case 'drop':
        return this.#counters.drop(decision.reason);
      case 'answer':
        if (decision.answer === 'retry') this.#counters.retriesSent += 1;
        return this.#send(this.sendBuffer, decision.length, host, port);
      case 'accept': {
        const { sourceId, originalId } = decision;
        const native = quiche.Connection.accept(sourceId, originalId ?? null, syntheticLocal, syntheticRemote, this.#configFor(address));
        const paths = new ConnectionPaths({ kind: 'direct', address }, host, 'server', this);
        const connection = this.#add(native, 'server', sourceId, paths, this.#serverCheck, originalId !== undefined);
        this.#gate.limits.opened(address, originalId !== undefined);
        if (idKey !== connection.idKey) {
          this.#routing.set(idKey, connection);
          connection.initialIdKey = idKey;
        }
        connection.receive(packet, host, port);
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
