import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { TokenBucket } from '../base/token-bucket.js';
import type { Settings } from '../config/schema.js';
import type { PeerIdentity } from '../identity/identity.js';
import { closeOf, encodeReason, type CloseRequest } from './close-reason.js';
import { CloseCode, type Connection, type ConnectionClose, type ConnectionStats, type DirectRoute, type PathStatus, type Route, type StreamHandler, type TransportStream } from './endpoint.js';
import { egressBucket } from './egress-bucket.js';
import type { HandshakeSource } from './handshake-limits-core.js';
import { SlowCallTracker, isOverBudget, strangerAllowanceBytes, type ConnectionUse } from './overhead-budget.js';
import type { PeerCheck } from './peer-check.js';
import type { ConnectionPaths } from './connection-paths.js';
import { smallPayloadBytes } from './datagram-kind.js';
import type { RelayLink } from './relay-link.js';
import { checkedCode, quicheErrorOf, type QuicheConnection, type QuicheRecvInfo } from './quiche-binding.js';
import { StreamTable } from './stream-table.js';

/** Where a handshake came from or went to; limits are counted under it for the connection's life. */
export interface Origin {
  readonly source: HandshakeSource;
  /** A retry token showed that the peer receives there, or a relay says who it is. */
  readonly proven: boolean;
}

export type ConnectionSettings = Pick<Settings, 'handshakeTimeoutMs' | 'strangerBudgetBytes' | 'overheadBaseBytes' | 'nativeCallBudgetMs' | 'streamWindowBytes' | 'connectionWindowBytes' | 'egressPerPeerBytes'>;

/** What a connection needs of its endpoint. */
export interface ConnectionHost {
  readonly clock: Clock;
  readonly settings: ConnectionSettings;
  /** Bytes that may be sent to all peers together. */
  readonly egress: TokenBucket;
  /** Reused for every read of every stream. */
  readonly receiveBuffer: Buffer;
  /** Where the next packet is to be written; another one while the system still reads from the last. @param mayRelay with no more room than relayed datagrams have */
  sendBuffer(mayRelay: boolean): Buffer;
  /** Sends the first `length` bytes of the send buffer on the connection's route. */
  sendPacket(connection: QuicConnection, length: number): void;
  /** Asks for a turn: readTurn() if `hasToRead`, sendTurn() in any case. */
  activate(connection: QuicConnection, hasToRead: boolean): void;
  /** The connection's deadline has changed. */
  schedule(deadlineMs: number): void;
  /** Handshake and certificate check are done. */
  established(connection: QuicConnection): void;
  /** @param lastPacket our CONNECTION_CLOSE, to be repeated to a peer that missed it */
  removed(connection: QuicConnection, close: ConnectionClose, lastPacket: Buffer | undefined): void;
}

/** Packets sent in one turn before other connections get theirs. */
const packetsPerTurn = 128;

/** Inspections in a row, each with new bytes, that a lost packet may hold up the reading of what came after it. */
const patientInspections = 5;

/** The same for every connection: quiche sees one path for life, the path layer decides where packets really go. */
export const syntheticLocal = { host: '192.0.2.1', port: 1 };
export const syntheticRemote = { host: '192.0.2.2', port: 2 };
const receiveInfo: QuicheRecvInfo = { from: syntheticRemote, to: syntheticLocal };

/** One QUIC connection: feeds the native library, reads its streams and sends what it has to send. */
export class QuicConnection implements Connection {
  readonly role: 'client' | 'server';
  readonly closed: Promise<ConnectionClose>;
  /** Our connection id as the routing table knows it. */
  readonly idKey: string;
  /** The first id the client chose, where packets may still carry it. */
  initialIdKey: string | undefined;
  readonly origin: Origin;
  /** Clock.nowMs() at which deadlinePassed() is to be called. */
  deadlineMs: number;
  /** Kept by the endpoint: whether the connection stands in its lists for the coming turn. */
  readQueued = false;
  sendQueued = false;
  /** Why the connection was given up on this side; what a dial rejects with. */
  failure: MaculaError | undefined;
  /** Hears that a datagram could not be sent; while dialling only, as later a lost packet is just that. */
  onSendError: ((error: Error) => void) | undefined;
  /** Where its packets really go. */
  readonly routes: ConnectionPaths;
  readonly #native: QuicheConnection;
  readonly #host: ConnectionHost;
  readonly #check: PeerCheck;
  readonly #streams: StreamTable;
  readonly #slowCalls: SlowCallTracker;
  readonly #egress: TokenBucket;
  /** Until when an empty egress bucket keeps packets back. */
  #throttledUntilMs = Infinity;
  /** Clock.nowMs() when its handshake began. */
  readonly startedMs: number;
  #resolveClosed!: (close: ConnectionClose) => void;
  #peer: PeerIdentity | undefined;
  #closeRequest: CloseRequest | undefined;
  #isOver = false;
  #admitted = false;
  #receivedBytes = 0;
  #checkedReceivedBytes = 0;
  #overBudgetInspections = 0;
  #lastPacket: Buffer | undefined;

  constructor(native: QuicheConnection, role: 'client' | 'server', idKey: string, routes: ConnectionPaths, check: PeerCheck, host: ConnectionHost, origin: Origin) {
    this.#native = native;
    this.#host = host;
    this.#check = check;
    this.role = role;
    this.idKey = idKey;
    this.routes = routes;
    this.origin = origin;
    this.#streams = new StreamTable(native, role === 'server', host.receiveBuffer, (hasToRead) => host.activate(this, hasToRead));
    this.#slowCalls = new SlowCallTracker(host.settings.nativeCallBudgetMs);
    this.#egress = egressBucket(host.settings.egressPerPeerBytes);
    this.startedMs = host.clock.nowMs();
    this.deadlineMs = this.#strangerDeadlineMs;
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
  }

  get peer(): PeerIdentity {
    if (!this.#peer) throw new MaculaError('MACULA_UNEXPECTED', 'the peer of a connection is known after the handshake only');
    return this.#peer;
  }

  get isEstablished(): boolean {
    return this.#peer !== undefined;
  }

  get isClosed(): boolean {
    return this.#isOver || this.#closeRequest !== undefined;
  }

  get payloadBytes(): number {
    return this.#native.maxSendUdpPayloadSize();
  }

  openStream(handler: StreamHandler): TransportStream {
    if (this.isClosed || !this.#peer) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the connection to the peer is closed');
    return this.#streams.open(handler);
  }

  onStream(accept: (stream: TransportStream) => StreamHandler): void {
    this.#streams.onStream(accept);
  }

  admit(): void {
    this.#admitted = true;
  }

  setPathKey(key: () => Uint8Array): void {
    if (this.isClosed) return;
    this.routes.setKey(key, this.#native.destinationId());
    this.#host.activate(this, false);
  }

  addRoute(route: Route): void {
    if (this.isClosed) return;
    this.routes.add(route);
    this.#host.activate(this, false);
  }

  punch(routes: readonly DirectRoute[]): void {
    if (this.isClosed) return;
    this.routes.punch(routes);
    this.#host.activate(this, false);
  }

  renewPaths(): void {
    if (!this.isClosed) this.routes.renew();
  }

  paths(): readonly PathStatus[] {
    return this.routes.list();
  }

  get route(): Route {
    return this.routes.route;
  }

  onRouteChange(listener: (route: Route) => void): void {
    this.routes.onChange(listener);
  }

  onDoubt(listener: (inDoubt: boolean) => void): void {
    this.routes.onDoubt(listener);
  }

  /** A route is gone for good. */
  loseRoute(route: Route): void {
    if (this.isClosed) return;
    this.routes.lose(route);
    this.#host.activate(this, false);
  }

  /** A side socket is gone, and with it all routes through it. */
  loseSocket(socket: number): void {
    for (const { route } of this.paths()) if (route.kind === 'direct' && route.socket === socket) this.loseRoute(route);
  }

  stats(): ConnectionStats {
    const { sentBytes, recvBytes, lost } = this.#native.stats();
    const [path] = this.#native.pathStats();
    return {
      rttMs: path?.rtt ?? 0,
      bytesSent: sentBytes,
      bytesReceived: recvBytes,
      packetsLost: lost,
      streamBytesDelivered: this.#streams.deliveredBytes,
      relayedBytesSent: this.routes.relayedBytesSent,
      relayedBytesReceived: this.routes.relayedBytesReceived,
    };
  }

  close(code: number, reason: string): void {
    checkedCode(code);
    if (this.isClosed) return;
    this.#closeRequest = { code, reason, atOnce: false };
    this.#host.activate(this, false);
  }

  /** Gives the connection up for `failure`; what was prepared for sending is not sent. */
  fail(code: number, failure: MaculaError): void {
    if (this.isClosed) return;
    this.failure = failure;
    this.#closeRequest = { code, reason: failure.message, atOnce: true };
    this.#host.activate(this, false);
  }

  /** Ends the connection with nothing sent: the socket cannot reach the peer, or is gone. */
  drop(close: ConnectionClose, failure?: MaculaError): void {
    this.failure ??= failure;
    this.#finish(close);
  }

  /** Takes a packet. @param host of its sender, as the socket writes it @param link the relay session it came through */
  receive(packet: Buffer, host: string, port: number, link: RelayLink | undefined): void {
    if (this.isClosed) return;
    this.#receivedBytes += packet.length;
    if (!this.#admitted && this.#receivedBytes > strangerAllowanceBytes(this.origin.source, this.#host.settings)) {
      this.close(CloseCode.budgetExceeded, 'too many bytes before admission');
      return;
    }
    const startMs = this.#host.clock.nowMs();
    try {
      this.#native.recv(packet, receiveInfo);
    } catch {
      // The library has closed the connection by itself; sendTurn() finds out why.
    }
    this.#noteCall(startMs);
    this.routes.packetFrom(host, port, link, packet.length, startMs);
    this.#host.activate(this, true);
  }

  /** Completes the handshake or reads streams. */
  readTurn(): void {
    if (this.isClosed) return;
    if (!this.#peer) this.#advanceHandshake();
    if (this.#peer && !this.isClosed) this.#streams.read();
  }

  /** Sends whatever there is to send and finds out whether the connection has ended. */
  sendTurn(): void {
    // What came together with the peer's close is to be read before the connection is taken down.
    if (this.readQueued) this.readTurn();
    if (this.#isOver) return;
    const request = this.#closeRequest;
    if (!request?.atOnce) {
      this.#streams.flush();
      if (!this.#sendPackets() && !request) this.#host.activate(this, false);
      this.routes.takeKey();
    }
    if (request) this.#sendClose(request);
    if (this.#isOver) return;
    if (this.#native.isDraining() || this.#native.isClosed()) {
      this.#finish(closeOf(this.#native, request));
      return;
    }
    const timeoutMs = this.#native.timeout();
    // The library rounds down; one millisecond more, or the timer would come too early each time.
    const nativeMs = Math.min(timeoutMs === null ? Infinity : this.#host.clock.nowMs() + timeoutMs + 1, this.routes.deadlineMs(), this.#throttledUntilMs);
    this.deadlineMs = this.#admitted ? nativeMs : Math.min(nativeMs, this.#strangerDeadlineMs);
    this.#host.schedule(this.deadlineMs);
  }

  /** The connection's deadline has come. */
  deadlinePassed(nowMs: number): void {
    this.deadlineMs = Infinity;
    if (!this.#admitted && nowMs >= this.#strangerDeadlineMs) {
      if (this.#peer) this.close(CloseCode.admissionTimeout, 'not admitted in time');
      else this.drop({ by: 'timeout', code: 0, reason: 'the handshake was not completed in time' });
      return;
    }
    this.routes.timeout(nowMs);
    this.#native.onTimeout();
    this.#host.activate(this, false);
  }

  /** Called now and then: looks for abuse, and for what no event tells of. */
  inspect(nowMs: number): void {
    if (this.isClosed || !this.#peer || this.#receivedBytes === this.#checkedReceivedBytes) return;
    this.#checkedReceivedBytes = this.#receivedBytes;
    const { pathsCount, recvBytes, sentBytes, recv, sent } = this.#native.stats();
    for (let left = 100; left > 0 && this.#native.pathEventNext(); left -= 1);
    const { deliveredBytes } = this.#streams;
    const use = { recvBytes, sentBytes, deliveredBytes, ageMs: nowMs - this.startedMs, recvPackets: recv, sentPackets: sent };
    if (pathsCount !== 1) this.close(CloseCode.protocolViolation, 'a connection has one path');
    else if (this.#isAbusive(use)) this.close(CloseCode.budgetExceeded, 'too many bytes besides stream data');
    else this.#streams.checkAll();
  }

  /**
   * Bytes of streams that came and are not read yet look like overhead. Flow control bounds them: those of streams
   * nobody reads now are excused, those that wait for a lost packet will be read soon.
   */
  #isAbusive(use: ConnectionUse & { readonly recvBytes: number }): boolean {
    const { settings } = this.#host;
    const { paused, stopped } = this.#streams.unread();
    const excused = Math.min(settings.connectionWindowBytes, paused * settings.streamWindowBytes) + stopped * settings.streamWindowBytes;
    const recvBytes = use.recvBytes - excused;
    if (!isOverBudget({ ...use, recvBytes }, settings)) {
      this.#overBudgetInspections = 0;
      return false;
    }
    this.#overBudgetInspections += 1;
    if (this.#overBudgetInspections >= patientInspections) return true;
    return isOverBudget({ ...use, recvBytes: recvBytes - settings.connectionWindowBytes }, settings);
  }

  get #strangerDeadlineMs(): number {
    return this.startedMs + this.#host.settings.handshakeTimeoutMs;
  }

  #advanceHandshake(): void {
    if (!this.#native.isEstablished()) return;
    const verdict = this.#check(this.#native);
    if (verdict.kind === 'accepted') {
      this.#peer = verdict.peer;
      this.#host.established(this);
      return;
    }
    this.failure = verdict.error;
    this.#closeRequest = { code: verdict.code, reason: verdict.error.message, atOnce: verdict.atOnce };
    this.#host.activate(this, false);
  }

  /**
   * Returns false when there is more to send than one turn allows. Until admission datagrams are small whatever the path carries: the library
   * pads those of the handshake to their full size.
   */
  #sendPackets(): boolean {
    for (let count = 0; count < packetsPerTurn; count += 1) {
      const startMs = this.#host.clock.nowMs();
      const buffer = this.#host.sendBuffer(this.routes.mayRelay);
      if (this.#isThrottled(startMs)) return true;
      let sent: ReturnType<QuicheConnection['send']>;
      try {
        sent = this.#native.send(this.#admitted ? buffer : buffer.subarray(0, smallPayloadBytes));
      } catch (error) {
        this.#finish({ by: 'error', code: 0, reason: quicheErrorOf(error).name });
        return true;
      }
      this.#noteCall(startMs);
      if (sent === null) return true;
      if (this.#closeRequest) this.#lastPacket = Buffer.from(buffer.subarray(0, sent[0]));
      this.#egress.spend(sent[0], startMs);
      this.#host.egress.spend(sent[0], startMs);
      this.routes.packetSent(buffer, sent[0], startMs);
      this.#host.sendPacket(this, sent[0]);
    }
    return false;
  }

  /** Takes note until when, so that the connection gets a turn then. A close goes out in any case. */
  #isThrottled(nowMs: number): boolean {
    if (this.#closeRequest) return false;
    const waitMs = Math.max(this.#egress.waitMs(nowMs), this.#host.egress.waitMs(nowMs));
    this.#throttledUntilMs = waitMs > 0 ? nowMs + waitMs : Infinity;
    return waitMs > 0;
  }

  #sendClose(request: CloseRequest): void {
    if (this.#isOver) return;
    this.#native.close(true, request.code, encodeReason(request.reason));
    this.#sendPackets();
    this.#finish(closeOf(this.#native, request));
  }

  #noteCall(startMs: number): void {
    if (this.#slowCalls.record(this.#host.clock.nowMs() - startMs)) this.close(CloseCode.budgetExceeded, 'native calls take too long');
  }

  #finish(close: ConnectionClose): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.deadlineMs = Infinity;
    this.routes.stop();
    this.#host.removed(this, close, this.#lastPacket);
    this.#resolveClosed(close);
    this.#streams.close();
  }
}
