import { addressScope, formatAddress, type SocketAddress } from '../base/address.js';
import { abortError, throwIfAborted } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeIdentity } from '../identity/identity.js';
import { dialError } from './close-reason.js';
import { ClosingTable } from './closing-table.js';
import { ConnectionPaths, probeOf, type PathHost } from './connection-paths.js';
import { classifyDatagram } from './datagram-kind.js';
import { DeadlineTimer } from './deadline-timer.js';
import { EndpointCounters } from './endpoint-counters.js';
import { CloseCode, type Connection, type ConnectionClose, type DialOptions, type Endpoint, type EndpointStats, type Route } from './endpoint.js';
import { HandshakeGate, connectionIdBytes, type GateSettings } from './handshake-gate.js';
import { parseLongHeader } from './long-header.js';
import { createPeerCheck, type PeerCheck, type VerifyPeer } from './peer-check.js';
import { QuicConnection, syntheticLocal, syntheticRemote, type ConnectionHost, type ConnectionSettings } from './quic-connection.js';
import { createQuicConfig, loopbackPayloadBytes, maxPayloadBytes, smallPayloadBytes, type QuicSettings } from './quic-config.js';
import { quiche, type QuicheConfig, type QuicheConnection } from './quiche-binding.js';
import { TurnScheduler } from './turn-scheduler.js';
import { openUdpSocket, type UdpSocket, type UdpSocketFactory } from './udp-socket.js';

export type EndpointSettings = GateSettings & QuicSettings & ConnectionSettings & Pick<Settings, 'quicPort' | 'host' | 'udpPayloadBytes' | 'socketBufferBytes'>;

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

/** An address a handshake came from, and whether it was proven to be there. */
interface Origin {
  readonly address: SocketAddress;
  readonly proven: boolean;
}

interface Attempt {
  readonly resolve: (connection: Connection) => void;
  readonly reject: (error: Error) => void;
}

/** QUIC connections over one UDP socket with the native library (DESIGN.md 2). */
export class QuicheEndpoint implements Endpoint, ConnectionHost, PathHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly settings: EndpointSettings;
  readonly receiveBuffer = Buffer.allocUnsafeSlow(65_536);
  sendBuffer = Buffer.allocUnsafeSlow(maxPayloadBytes);
  readonly #components: EndpointComponents;
  readonly #counters = new EndpointCounters();
  readonly #gate: HandshakeGate;
  readonly #closings: ClosingTable;
  readonly #turns = new TurnScheduler();
  readonly #deadlines: DeadlineTimer;
  readonly #configs = new Map<number, QuicheConfig>();
  readonly #serverCheck: PeerCheck;
  /** By our connection id, and for incoming ones also by the client's first choice. */
  readonly #routing = new Map<string, QuicConnection>();
  readonly #connections = new Set<QuicConnection>();
  readonly #initialIds = new Map<QuicConnection, string>();
  readonly #origins = new Map<QuicConnection, Origin>();
  readonly #attempts = new Map<QuicConnection, Attempt>();
  #socket: UdpSocket | undefined;
  #inspection: Timer | undefined;
  #accept: ((connection: Connection) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(components: EndpointComponents, settings: EndpointSettings) {
    this.#components = components;
    this.settings = settings;
    this.clock = components.clock;
    this.random = components.random;
    this.#gate = new HandshakeGate(components, settings);
    this.#closings = new ClosingTable(components.clock);
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
    return this.#attempt(connection, options.signal);
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
    this.#send(buffer, length, remoteHost, remotePort);
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
    const origin = this.#origins.get(connection)!;
    this.#counters.handshakesCompleted += 1;
    const attempt = this.#attempts.get(connection);
    if (attempt) {
      this.#attempts.delete(connection);
      this.#gate.limits.dialled(origin.address);
      attempt.resolve(connection);
      return;
    }
    this.#gate.limits.established(origin.address, origin.proven);
    this.#accept?.(connection);
  }

  removed(connection: QuicConnection, close: ConnectionClose, lastPacket: Buffer | undefined): void {
    this.#connections.delete(connection);
    this.#routing.delete(connection.idKey);
    const initialId = this.#initialIds.get(connection);
    if (initialId !== undefined) this.#routing.delete(initialId);
    this.#initialIds.delete(connection);
    if (lastPacket && this.#socket) this.#closings.remember(connection.idKey, lastPacket);
    const { address, proven } = this.#origins.get(connection)!;
    this.#origins.delete(connection);
    if (connection.isEstablished) {
      this.#gate.limits.closed(address);
      return;
    }
    if (connection.role === 'server') this.#gate.limits.failed(address, proven);
    this.#counters.handshakeFailed(connection.failure?.code ?? close.by);
    this.#attempts.get(connection)?.reject(connection.failure ?? dialError(close, connection.route));
    this.#attempts.delete(connection);
  }

  #stopping: UdpSocket | undefined;

  #send(buffer: Buffer, length: number, host: string, port: number): void {
    const socket = this.#socket ?? this.#stopping;
    if (!socket) return;
    this.#counters.datagramsSent += 1;
    this.#counters.bytesSent += length;
    const reusable = socket.send(buffer, length, host, port);
    if (!reusable && buffer === this.sendBuffer) this.sendBuffer = Buffer.allocUnsafeSlow(maxPayloadBytes);
  }

  #configFor(address: SocketAddress): QuicheConfig {
    const chosen = addressScope(address.host) === 'loopback' ? loopbackPayloadBytes : smallPayloadBytes;
    const payloadBytes = this.settings.udpPayloadBytes === 0 ? chosen : Math.max(smallPayloadBytes, this.settings.udpPayloadBytes);
    let config = this.#configs.get(payloadBytes);
    if (!config) this.#configs.set(payloadBytes, (config = createQuicConfig(this.#components.identity, this.settings, payloadBytes)));
    return config;
  }

  #add(native: QuicheConnection, role: 'client' | 'server', id: Buffer, paths: ConnectionPaths, check: PeerCheck, proven = false): QuicConnection {
    const connection = new QuicConnection(native, role, id.toString('latin1'), paths, check, this);
    this.#connections.add(connection);
    this.#routing.set(connection.idKey, connection);
    this.#origins.set(connection, { address: paths.route.address, proven });
    return connection;
  }

  #attempt(connection: QuicConnection, signal: AbortSignal | undefined): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => connection.fail(CloseCode.normal, abortError(signal!));
      signal?.addEventListener('abort', onAbort, { once: true });
      const settle = (): void => signal?.removeEventListener('abort', onAbort);
      this.#attempts.set(connection, {
        resolve: (value) => (settle(), resolve(value)),
        reject: (error) => (settle(), reject(error)),
      });
    });
  }

  readonly #onDatagram = (packet: Buffer, host: string, port: number): void => {
    this.#counters.datagramsReceived += 1;
    this.#counters.bytesReceived += packet.length;
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
  };

  #onProbe(packet: Buffer, host: string, port: number): void {
    const found = probeOf(packet);
    const connection = found && this.#routing.get(found.idKey);
    if (!connection || !connection.routes.probeFrom(packet, found.probe, host, port)) return this.#counters.drop('probe');
    this.activate(connection, false);
  }

  #route(packet: Buffer, idKey: string, host: string, port: number): void {
    const connection = this.#routing.get(idKey);
    if (connection) return connection.receive(packet, host, port);
    const answer = this.#closings.answer(idKey);
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
          this.#initialIds.set(connection, idKey);
        }
        connection.receive(packet, host, port);
      }
    }
  }

  readonly #deadlinesPassed = (nowMs: number): number => {
    let nextMs = Infinity;
    for (const connection of this.#connections) {
      if (connection.deadlineMs <= nowMs) connection.deadlinePassed(nowMs);
      if (connection.deadlineMs < nextMs) nextMs = connection.deadlineMs;
    }
    return nextMs;
  };

  readonly #inspect = (): void => {
    const nowMs = this.clock.nowMs();
    for (const connection of this.#connections) connection.inspect(nowMs);
    this.#inspection = this.clock.setTimer(inspectionIntervalMs, this.#inspect);
  };
}
