import { MaculaError } from '../../src/lib/base/errors.js';
import { formatAddress, sameAddress } from '../../src/lib/base/address.js';
import type { PeerIdentity } from '../../src/lib/identity/identity.js';
import type { Timer } from '../../src/lib/base/clock.js';
import type { Connection, ConnectionClose, ConnectionStats, PathStatus, Route, StreamHandler, TransportStream } from '../../src/lib/transport/endpoint.js';
import { nextHop } from '../../src/lib/transport/route.js';
import type { MemoryEndpoint } from './memory-endpoint.js';
import { MemoryLink } from './memory-link.js';
import { MemoryStream, type StreamMessage } from './memory-stream.js';

/** One end of a connection in memory. */
export class MemoryConnection implements Connection {
  readonly role: 'client' | 'server';
  readonly peer: PeerIdentity;
  readonly closed: Promise<ConnectionClose>;
  readonly payloadBytes = 1200;
  /** What the session told the transport, for tests. */
  admitted = false;
  pathKey: Uint8Array | undefined;
  /** The process of this end is gone; what it still had to say is lost. */
  silenced = false;
  readonly endpoint: MemoryEndpoint;
  route: Route;
  /** The other end; set by the endpoint before either is used. */
  twin!: MemoryConnection;
  /** Towards the twin. */
  readonly link: MemoryLink;
  readonly #streams = new Map<number, MemoryStream>();
  readonly #peerStreamsSeen = new Set<number>();
  readonly #routeListeners: ((route: Route) => void)[] = [];
  #accept: ((stream: TransportStream) => StreamHandler) | undefined;
  #waiting: MemoryStream[] = [];
  #nextStreamId: number;
  #resolveClosed!: (close: ConnectionClose) => void;
  #close: ConnectionClose | undefined;
  #idleTimer: Timer | undefined;
  #lastHeardMs: number;
  #bytesSent = 0;
  #bytesReceived = 0;

  constructor(role: 'client' | 'server', endpoint: MemoryEndpoint, peer: PeerIdentity, route: Route) {
    this.role = role;
    this.endpoint = endpoint;
    this.peer = peer;
    this.route = route;
    this.#nextStreamId = role === 'client' ? 0 : 1;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.link = new MemoryLink(endpoint.network, () => this.#passable());
    this.#lastHeardMs = endpoint.network.clock.nowMs();
    this.#watchIdle();
  }

  get isClosed(): boolean {
    return this.#close !== undefined;
  }

  openStream(handler: StreamHandler): TransportStream {
    if (this.#close) throw new MaculaError('MACULA_CONNECTION_CLOSED', `the connection is closed: ${this.#close.reason}`);
    const own = [...this.#streams.keys()].filter((id) => (id & 1) === (this.#nextStreamId & 1)).length;
    if (own >= this.twin.endpoint.settings.maxStreams) throw new MaculaError('MACULA_OVERLOADED', 'the peer takes no more streams');
    const stream = new MemoryStream(this.#nextStreamId, this, this.twin.endpoint.settings.streamWindowBytes);
    this.#nextStreamId += 4;
    this.#streams.set(stream.id, stream);
    stream.setHandler(handler);
    return stream;
  }

  onStream(accept: (stream: TransportStream) => StreamHandler): void {
    this.#accept = accept;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) stream.setHandler(accept(stream));
  }

  admit(): void {
    this.admitted = true;
  }

  setPathKey(key: () => Uint8Array): void {
    this.pathKey = key();
    if (this.pathKey.length !== 32) throw new MaculaError('MACULA_UNEXPECTED', 'a path key has 32 bytes');
  }

  addRoute(): void {
    // One link connects two memory endpoints; other routes have nothing to be.
  }

  punch(): void {
    // The same.
  }

  renewPaths(): void {
    // The same.
  }

  paths(): readonly PathStatus[] {
    const { latencyMs } = this.endpoint.network;
    return [{ route: this.route, state: 'usable', selected: true, rttMs: 2 * latencyMs, lastSeenMs: this.#lastHeardMs, bytesSent: this.#bytesSent, bytesReceived: this.#bytesReceived }];
  }

  onRouteChange(listener: (route: Route) => void): void {
    this.#routeListeners.push(listener);
  }

  onDoubt(): void {
    // The one link is never in doubt.
  }

  stats(): ConnectionStats {
    return { rttMs: 2 * this.endpoint.network.latencyMs, bytesSent: this.#bytesSent, bytesReceived: this.#bytesReceived, relayedBytesSent: 0, relayedBytesReceived: 0, packetsLost: 0, streamBytesDelivered: this.#bytesReceived };
  }

  close(code: number, reason: string): void {
    if (this.#close) return;
    this.link.send(() => this.twin.finish({ by: 'remote', code, reason }));
    this.finish({ by: 'local', code, reason });
  }

  /** Ends this side; the other one learns of it only where `close` said so. */
  finish(close: ConnectionClose): void {
    if (this.#close) return;
    this.#close = close;
    this.#idleTimer?.cancel();
    this.endpoint.forget(this);
    for (const stream of [...this.#streams.values()]) stream.connectionClosed();
    this.#resolveClosed(close);
  }

  /** The peer was found at another address. */
  moveRoute(route: Route): void {
    this.route = route;
    for (const listener of this.#routeListeners) listener(route);
    this.link.retry();
  }

  send(streamId: number, message: StreamMessage): void {
    if (message.kind === 'data') this.#bytesSent += message.bytes.length;
    this.link.send(() => this.twin.#receive(streamId, message));
  }

  /** All open streams of this end, for tests that play a peer which does not read. */
  streams(): readonly TransportStream[] {
    return [...this.#streams.values()];
  }

  forget(streamId: number): void {
    this.#streams.delete(streamId);
  }

  #receive(streamId: number, message: StreamMessage): void {
    if (this.#close) return;
    this.#lastHeardMs = this.twin.#lastHeardMs = this.endpoint.network.clock.nowMs();
    if (message.kind === 'data') this.#bytesReceived += message.bytes.length;
    (this.#streams.get(streamId) ?? this.#peerStream(streamId))?.receive(message);
  }

  #peerStream(streamId: number): MemoryStream | undefined {
    const opensHere = (streamId & 1) !== (this.#nextStreamId & 1);
    if (!opensHere || this.#peerStreamsSeen.has(streamId)) return undefined;
    this.#peerStreamsSeen.add(streamId);
    const stream = new MemoryStream(streamId, this, this.twin.endpoint.settings.streamWindowBytes);
    this.#streams.set(streamId, stream);
    if (this.#accept) stream.setHandler(this.#accept(stream));
    else this.#waiting.push(stream);
    return stream;
  }

  #passable(): boolean {
    const { network, address } = this.endpoint;
    const there = this.twin.endpoint;
    if (this.silenced || there.isDead || !sameAddress(nextHop(this.route), there.address)) return false;
    return !network.isCut(address, there.address);
  }

  #watchIdle(): void {
    const { clock } = this.endpoint.network;
    const { idleTimeoutMs } = this.endpoint.settings;
    const leftMs = this.#lastHeardMs + idleTimeoutMs - clock.nowMs();
    this.#idleTimer = clock.setTimer(leftMs, () => {
      if (clock.nowMs() - this.#lastHeardMs < idleTimeoutMs) return this.#watchIdle();
      this.finish({ by: 'timeout', code: 0, reason: `nothing heard from ${formatAddress(nextHop(this.route))}` });
    });
  }
}
