import type { Clock, Timer } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { PeerIdentity } from '../identity/identity.js';
import { CloseCode, type Connection, type StreamHandler, type TransportStream } from '../transport/endpoint.js';
import { disconnectBody } from '../wire/disconnect.js';
import { encodeFrame, FrameFlag } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { streamOpenBody } from '../wire/stream-open.js';
import { closedError } from './close-errors.js';
import { envelopeBytes, FrameStream, maxFirstFrameBytes } from './frame-stream.js';
import type { HandlerRegistry } from './handler-registry.js';
import type { AdmittedConnection } from './handshake.js';
import { KeepaliveCore } from './keepalive-core.js';
import { MessageStreams } from './message-streams.js';
import { OpenStreams } from './open-streams.js';
import { ReplyBacklog } from './reply-backlog.js';
import { encodeMessage, RequestClient } from './request-client.js';
import { RequestServer, type ServingLoad, type ServingSettings } from './request-server.js';
import { RttEstimator } from './rtt-estimator.js';
import { SessionReader } from './session-reader.js';
import type { PeerHello, RequestEnd, RequestOptions, Session, SessionClose } from './session.js';

export type SessionSettings = ServingSettings & Pick<Settings, 'messageStreams' | 'keepaliveIntervalMs' | 'requestTimeoutMs' | 'drainTimeoutMs'>;

/** How long a farewell may take to reach the peer; one round trip on the slowest path, a retransmission included. */
const farewellMs = 1000;

/** What a session tells its manager. */
export interface SessionOwner {
  /**
   * The peer has admitted this node, too: its first frame after HELLO came. In an open realm the accepting side
   * does not know before.
   */
  confirmed(session: PeerSession): void;
  /** The session can no longer be used; `closed` follows. */
  closing(session: PeerSession): void;
  closed(session: PeerSession, close: SessionClose): void;
  /** The peer uses another session with this node and asks nothing more on this one. */
  givenUpByPeer(session: PeerSession): void;
}

export interface SessionComponents {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: HandlerRegistry;
  readonly load: ServingLoad;
  readonly owner: SessionOwner;
}

/**
 * An admitted peer over one connection. A session that lost a tie-break passes what it is asked on to its
 * successor, so whoever holds it goes on as if nothing had happened.
 */
export class PeerSession implements Session {
  readonly nodeId: NodeId;
  readonly peer: PeerIdentity;
  readonly hello: PeerHello;
  readonly direction: 'in' | 'out';
  readonly connection: Connection;
  readonly sinceMs: number;
  readonly closed: Promise<SessionClose>;
  readonly #clock: Clock;
  readonly #owner: SessionOwner;
  readonly #settings: SessionSettings;
  readonly #streams: MessageStreams;
  readonly #client: RequestClient;
  readonly #server: RequestServer;
  readonly #backlog: ReplyBacklog;
  readonly #keepalive: KeepaliveCore;
  readonly #rtt = new RttEstimator();
  readonly #ownStreams = new OpenStreams();
  readonly #reader: SessionReader;
  #keepaliveTimer: Timer | undefined;
  #stallTimer: Timer | undefined;
  #successor: PeerSession | undefined;
  #givenUpByPeer = false;
  /** Set once the session ends or is about to. */
  #close: SessionClose | undefined;
  #ended = false;
  #resolveClosed!: (close: SessionClose) => void;

  constructor(components: SessionComponents, admitted: AdmittedConnection, settings: SessionSettings) {
    const { clock, logger, registry, load } = components;
    const { connection } = admitted;
    this.#clock = clock;
    this.#owner = components.owner;
    this.#settings = settings;
    this.connection = connection;
    this.peer = connection.peer;
    this.nodeId = connection.peer.nodeId;
    this.hello = admitted.hello;
    this.direction = connection.role === 'client' ? 'out' : 'in';
    this.sinceMs = clock.nowMs();
    this.closed = new Promise((resolve) => (this.#resolveClosed = resolve));
    this.#streams = new MessageStreams(connection.payloadBytes);
    this.#client = new RequestClient({ clock, write: (frame) => void this.#streams.write(frame) }, settings);
    this.#server = new RequestServer({ session: this, clock, logger, registry, load, write: (frame) => this.#writeReply(frame) }, settings);
    this.#backlog = new ReplyBacklog(this.#streams, settings.maxFrameBytes);
    this.#keepalive = new KeepaliveCore({ intervalMs: settings.keepaliveIntervalMs, probeTimeoutMs: settings.requestTimeoutMs }, this.sinceMs);
    this.#reader = new SessionReader({
      session: this, logger, registry, streams: this.#streams, client: this.#client, server: this.#server, backlog: this.#backlog,
      heard: () => this.#keepalive.heard(clock.nowMs()),
      confirmed: () => this.#owner.confirmed(this),
      disconnected: (code, reason) => this.#disconnected(code, reason),
      fail: (code, reason) => this.fail(code, reason),
      isDraining: () => load.draining,
    });
    this.#begin(admitted, this.#reader);
  }

  get isClosed(): boolean {
    return this.#close !== undefined;
  }

  get rttMs(): number | undefined {
    return this.#rtt.rttMs;
  }

  get givenUpByPeer(): boolean {
    return this.#givenUpByPeer;
  }

  /** Whether this session passes on to another one. */
  get isSuperseded(): boolean {
    return this.#successor !== undefined;
  }

  /** Replies that came after their requests had been given up. */
  get lateReplies(): number {
    return this.#client.lateReplies;
  }

  /** Own requests waiting for a reply. */
  get pendingRequests(): number {
    return this.#client.pending;
  }

  request(type: FrameType, body: unknown, options?: RequestOptions): Promise<unknown> {
    if (this.#successor) return this.#successor.request(type, body, options);
    if (this.#close) return Promise.reject(closedError(this.#close));
    return this.#client.request(type, body, options);
  }

  ask(type: FrameType, body: unknown, options: RequestOptions | undefined, end: RequestEnd): void {
    if (this.#successor) this.#successor.ask(type, body, options, end);
    else if (this.#close) end.reject(closedError(this.#close));
    else this.#client.ask(type, body, options, end);
  }

  notify(type: FrameType, body: unknown): boolean {
    if (this.#successor) return this.#successor.notify(type, body);
    if (this.#close) return false;
    return this.#streams.write(encodeMessage(type, FrameFlag.none, body, this.#settings.maxFrameBytes + envelopeBytes));
  }

  ping(options?: RequestOptions): Promise<number> {
    if (this.#successor) return this.#successor.ping(options);
    if (this.#close) return Promise.reject(closedError(this.#close));
    return this.#ping(options);
  }

  openStream(purpose: string, header: unknown, handler: StreamHandler): TransportStream {
    if (this.#successor) return this.#successor.openStream(purpose, header, handler);
    if (this.#close) throw closedError(this.#close);
    const frame = encodeMessage(FrameType.streamOpen, FrameFlag.none, streamOpenBody(purpose, header), maxFirstFrameBytes);
    const stream = this.#ownStreams.open(handler, (watched) => this.connection.openStream(watched));
    stream.write(frame);
    return stream;
  }

  close(code: number, reason: string): Promise<void> {
    if (!this.#close) {
      this.#close = { by: 'local', code, reason };
      this.#client.end(closedError(this.#close));
      this.#owner.closing(this);
      void this.#farewell(this.#close);
    }
    return this.closed.then(() => undefined);
  }

  /** Closes after everything written before has arrived at the peer, as far as the peer still answers. */
  async drainAndClose(code: number, reason: string): Promise<void> {
    if (!this.#close) await this.#flush(farewellMs);
    await this.close(code, reason);
  }

  /** Closes at once, without a farewell. */
  fail(code: number, reason: string, by: SessionClose['by'] = 'local'): void {
    this.connection.close(code, reason);
    this.#end({ by, code, reason });
  }

  /**
   * Hands over to the session that won the tie-break, tells the peer so, and closes once both sides have the
   * answers to what they asked here.
   */
  async retire(successor: PeerSession): Promise<void> {
    if (!this.#supersede(successor)) return;
    await this.#quiet();
    if (this.#close) return;
    this.#streams.first.write(encodeFrame(FrameType.disconnect, FrameFlag.none, disconnectBody(CloseCode.duplicateConnection, 'another connection is kept')));
    this.#closeWhenServed();
  }

  /** The peer retired this session: hands over, and closes once all answers have come. */
  async leave(successor: PeerSession): Promise<void> {
    if (!this.#supersede(successor)) return;
    await this.#quiet();
    this.fail(CloseCode.duplicateConnection, 'another connection is kept');
  }

  #begin(admitted: AdmittedConnection, reader: SessionReader): void {
    const { connection, first, parked } = admitted;
    first.owner = reader;
    this.#streams.add(first);
    void connection.closed.then((close) => this.#end(close));
    connection.onStream((stream) => new FrameStream(reader, this.#settings.maxFrameBytes, () => stream));
    for (const framed of parked) {
      framed.owner = reader;
      framed.stream.resume();
    }
    this.#scheduleKeepalive();
  }

  /**
   * Measures a first round trip. After it the dialling side opens the other message streams; not before, as each takes a packet, and those would
   * travel with the first requests.
   */
  open(): void {
    const first = this.#ping(undefined, this.#streams.first).catch(() => undefined);
    if (this.direction === 'out') first.then(() => this.#openOthers()).catch(() => undefined);
  }

  /** The first frame of a stream is a small one, a ping, with which the peer learns of it. */
  #openOthers(): Promise<unknown> {
    const opened: TransportStream[] = [];
    while (!this.#close && this.#streams.size < this.#settings.messageStreams) {
      const framed = new FrameStream(this.#reader, this.#settings.maxFrameBytes, (handler) => this.connection.openStream(handler));
      this.#streams.add(framed);
      opened.push(framed.stream);
    }
    return this.#pingEach(opened);
  }

  #ping(options: RequestOptions | undefined, stream?: TransportStream): Promise<number> {
    const startMs = this.#clock.nowMs();
    const write = stream && ((frame: Uint8Array) => void stream.write(frame));
    return this.#client.request(FrameType.ping, null, options, write).then(() => {
      const rttMs = this.#clock.nowMs() - startMs;
      this.#rtt.sample(rttMs);
      return rttMs;
    });
  }

  /** Resolves when a pong came back on each of the streams: all that was written to them before has then been read. */
  #pingEach(streams: readonly TransportStream[], timeoutMs?: number): Promise<unknown> {
    return Promise.all(streams.map((stream) => this.#ping(timeoutMs === undefined ? undefined : { timeoutMs }, stream)));
  }

  #flush(timeoutMs: number): Promise<unknown> {
    return this.#pingEach(this.#streams.all, timeoutMs).catch(() => undefined);
  }

  async #quiet(): Promise<void> {
    await Promise.all([this.#client.idle(), this.#ownStreams.idle()]);
    if (!this.#close) await this.#flush(farewellMs);
  }

  #supersede(successor: PeerSession): boolean {
    if (this.#close || this.#successor || successor === this) return false;
    this.#successor = successor;
    return true;
  }

  #closeWhenServed(): void {
    const timer = this.#clock.setTimer(this.#settings.drainTimeoutMs, () => {
      if (this.#ended) return;
      if (this.#server.serving > 0) this.#closeWhenServed();
      else this.fail(CloseCode.duplicateConnection, 'another connection is kept');
    });
    void this.closed.then(() => timer.cancel());
  }

  async #farewell(close: SessionClose): Promise<void> {
    this.#streams.first.write(encodeFrame(FrameType.disconnect, FrameFlag.none, disconnectBody(close.code, close.reason)));
    let timer: Timer | undefined;
    const waited = new Promise<void>((resolve) => (timer = this.#clock.setTimer(farewellMs, resolve)));
    // The peer closes as soon as it has read the DISCONNECT.
    await Promise.race([this.connection.closed, waited]);
    timer?.cancel();
    this.connection.close(close.code, close.reason);
    this.#end(close);
  }

  #disconnected(code: number, reason: string): void {
    if (code !== CloseCode.duplicateConnection) {
      this.connection.close(CloseCode.normal, '');
      return this.#end({ by: 'remote', code, reason });
    }
    this.#givenUpByPeer = true;
    this.#owner.givenUpByPeer(this);
  }

  #end(close: SessionClose): void {
    if (this.#ended) return;
    this.#ended = true;
    const already = this.#close !== undefined;
    const final = (this.#close ??= { by: close.by, code: close.code, reason: close.reason });
    this.#keepaliveTimer?.cancel();
    this.#stallTimer?.cancel();
    this.#backlog.clear();
    this.#client.end(closedError(final));
    this.#server.end(closedError(final));
    if (!already) this.#owner.closing(this);
    this.#owner.closed(this, final);
    this.#resolveClosed(final);
  }

  #writeReply(frame: Uint8Array): void {
    this.#backlog.wrote(frame.length);
    this.#streams.write(frame);
    if (!this.#backlog.isDeferring) return;
    if (this.#backlog.isHopeless) return this.fail(CloseCode.overloaded, 'the peer does not read its replies');
    this.#watchStall();
  }

  /** Ends a session whose peer reads nothing of what waits for it. */
  #watchStall(): void {
    if (this.#stallTimer || this.#ended) return;
    const before = this.#streams.bufferedBytes;
    this.#stallTimer = this.#clock.setTimer(2 * this.#settings.requestTimeoutMs, () => {
      this.#stallTimer = undefined;
      if (!this.#backlog.isDeferring) return;
      if (this.#streams.bufferedBytes >= before) return this.fail(CloseCode.overloaded, 'the peer does not read its replies');
      this.#watchStall();
    });
  }

  #scheduleKeepalive(): void {
    const delayMs = this.#keepalive.nextDeadline() - this.#clock.nowMs();
    this.#keepaliveTimer = this.#clock.setTimer(delayMs, () => {
      if (this.#close) return;
      const verdict = this.#keepalive.handleTimeout(this.#clock.nowMs());
      if (verdict === 'dead') return this.fail(CloseCode.idle, 'the peer does not answer pings', 'timeout');
      if (verdict === 'probe') this.#ping(undefined).catch(() => undefined);
      this.#scheduleKeepalive();
    });
  }
}
