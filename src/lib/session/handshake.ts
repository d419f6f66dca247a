import type { Clock, Timer } from '../base/clock.js';
import type { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import { CloseCode, type Connection, type TransportStream } from '../transport/endpoint.js';
import { encodeFrame } from '../wire/frame.js';
import { helloTokenBytes } from '../wire/hello.js';
import { refusalError } from './close-errors.js';
import { FrameStream, type FrameStreamOwner } from './frame-stream.js';
import { HelloCore, type HelloEffect, type HelloParty } from './hello-core.js';
import type { PeerHello } from './session.js';

/** What a node says of itself in HELLO, the same on every connection. */
export type HelloIdentity = Pick<HelloParty, 'nodeId' | 'realmId' | 'realmSecret' | 'agent' | 'capabilities' | 'listen'>;

/** A connection whose peer was admitted. */
export interface AdmittedConnection {
  readonly connection: Connection;
  readonly hello: PeerHello;
  /** The message stream HELLO ran on. */
  readonly first: FrameStream;
  /** Streams the peer opened meanwhile; paused and unread. */
  readonly parked: readonly FrameStream[];
}

export type HandshakeSettings = Pick<Settings, 'maxFrameBytes' | 'handshakeTimeoutMs'>;

export interface HandshakeOutcome {
  admitted(admitted: AdmittedConnection): void;
  refused(error: MaculaError): void;
}

/**
 * Runs HELLO on a fresh connection. Nothing but HELLO is read before admission: other streams of the peer are
 * left unread. Calls exactly one of the two outcomes, the connection being closed before `refused`.
 */
export class Handshake implements FrameStreamOwner {
  readonly #clock: Clock;
  readonly #connection: Connection;
  readonly #settings: HandshakeSettings;
  readonly #outcome: HandshakeOutcome;
  readonly #core: HelloCore;
  readonly #timer: Timer;
  #first: FrameStream | undefined;
  readonly #parked = new Set<FrameStream>();
  #over = false;

  constructor(
    components: { clock: Clock; random: RandomSource; connection: Connection; identity: HelloIdentity; outcome: HandshakeOutcome },
    settings: HandshakeSettings,
  ) {
    const { clock, random, connection, identity } = components;
    this.#clock = clock;
    this.#connection = connection;
    this.#settings = settings;
    this.#outcome = components.outcome;
    this.#core = new HelloCore({
      ...identity,
      role: connection.role,
      peerId: connection.peer.nodeId,
      observed: connection.route.kind === 'direct' ? connection.route.address : undefined,
      timeMs: clock.wallMs(),
      nonce: random.bytes(helloTokenBytes),
      pathSecret: random.bytes(helloTokenBytes),
    });
    this.#timer = clock.setTimer(settings.handshakeTimeoutMs, () => this.#apply(this.#core.handle({ kind: 'timeout' })));
  }

  start(): void {
    const connection = this.#connection;
    void connection.closed.then((close) => this.#refused(refusalError(close)));
    if (connection.isClosed) return;
    if (connection.role === 'client') this.#first = new FrameStream(this, this.#settings.maxFrameBytes, (handler) => connection.openStream(handler));
    connection.onStream((stream) => this.#peerStream(stream));
    this.#apply(this.#core.handle({ kind: 'start' }));
  }

  /** Gives up on the caller's behalf. */
  abandon(code: CloseCode, error: MaculaError): void {
    if (this.#over) return;
    this.#connection.close(code, error.message);
    this.#refused(error);
  }

  heard(): void {
    // Only an admitted peer keeps a connection alive.
  }

  frame(type: number, flags: number, payload: Uint8Array, stream: FrameStream): void {
    // The session may have taken over while the rest of a chunk is still being read.
    if (stream.owner !== this) return stream.owner.frame(type, flags, payload, stream);
    if (!this.#over) this.#apply(this.#core.handle({ kind: 'frame', type, flags, payload }));
  }

  violation(error: MaculaError): void {
    this.abandon(CloseCode.protocolViolation, error);
  }

  drained(): void {
    // HELLO writes less than any buffer holds.
  }

  streamClosed(stream: FrameStream): void {
    this.#parked.delete(stream);
  }

  #peerStream(stream: TransportStream): FrameStream {
    const framed = new FrameStream(this, this.#settings.maxFrameBytes, () => stream);
    if (this.#connection.role === 'server' && stream.id === 0) {
      this.#first = framed;
      framed.carriesMessages = true;
    } else {
      stream.pause();
      this.#parked.add(framed);
    }
    return framed;
  }

  #apply(effects: HelloEffect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send':
          this.#first!.stream.write(encodeFrame(effect.type, effect.flags, effect.body));
          break;
        case 'refuse':
          this.abandon(effect.closeCode, effect.error);
          break;
        case 'admitted':
          this.#admitted(effect.hello, effect.pathKey);
      }
    }
  }

  #admitted(hello: PeerHello, pathKey: () => Uint8Array): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    this.#connection.admit();
    this.#connection.setPathKey(pathKey);
    this.#first!.carriesMessages = true;
    const ahead = hello.timeMs === undefined ? {} : { clockAheadMs: hello.timeMs - this.#clock.wallMs() };
    this.#outcome.admitted({ connection: this.#connection, hello: { ...hello, ...ahead }, first: this.#first!, parked: [...this.#parked] });
  }

  #refused(error: MaculaError): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    this.#outcome.refused(error);
  }
}
