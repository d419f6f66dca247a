import type { SocketAddress } from '../base/address.js';
import type { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { NodeId } from '../identity/node-id.js';
import type { PeerIdentity } from '../identity/identity.js';
import type { FrameType } from '../wire/frame-type.js';
import type { Connection, Route, StreamHandler, TransportStream } from '../transport/endpoint.js';

/** What the peer said of itself in HELLO. */
export interface PeerHello {
  readonly agent: string;
  readonly capabilities: readonly string[];
  /** Addresses the peer says it listens on. */
  readonly listen: readonly SocketAddress[];
  /** The address the peer saw us come from. */
  readonly observedAddress: SocketAddress | undefined;
  /** What the peer's wall clock read as it wrote that, milliseconds since the Unix epoch; undefined where it did not say. */
  readonly timeMs?: number;
  /** How much the peer's clock was ahead of ours then, milliseconds; half a round trip too little. */
  readonly clockAheadMs?: number;
}

export interface SessionClose {
  /** local, remote, timeout or error, as in ConnectionClose. */
  readonly by: 'local' | 'remote' | 'timeout' | 'error';
  readonly code: number;
  readonly reason: string;
}

export interface RequestOptions {
  /** Milliseconds to wait for the reply; the setting requestTimeoutMs where absent. */
  readonly timeoutMs?: number | undefined;
  /** Aborting it rejects at once and tells the peer to cancel. */
  readonly signal?: AbortSignal | undefined;
}

/** Takes what comes of a request: one of the two is called, once, perhaps before {@link Session.ask} returns. */
export interface RequestEnd {
  resolve(body: unknown): void;
  reject(error: MaculaError): void;
}

/**
 * An admitted peer. Everything above the transport speaks through this. When two sessions with one peer become one,
 * the session that is given up passes all it is asked on to the other, and `closed` resolves for it alone.
 */
export interface Session {
  readonly nodeId: NodeId;
  readonly peer: PeerIdentity;
  readonly hello: PeerHello;
  readonly direction: 'in' | 'out';
  readonly connection: Connection;
  /** Clock.nowMs() of admission. */
  readonly sinceMs: number;
  readonly closed: Promise<SessionClose>;
  readonly isClosed: boolean;
  /** Milliseconds, smoothed; undefined before the first measurement. */
  readonly rttMs: number | undefined;
  /**
   * Sends a request and resolves with the reply's body.
   * @param body anything MessagePack can carry
   * @throws MaculaError MACULA_TIMED_OUT, MACULA_CONNECTION_CLOSED, MACULA_REMOTE_ERROR,
   * MACULA_OVERLOADED, MACULA_ABORTED, MACULA_INVALID_VALUE, MACULA_NOT_FOUND, and whatever MaculaError the
   * handler threw
   */
  request(type: FrameType, body: unknown, options?: RequestOptions): Promise<unknown>;
  /** As {@link request}, without a promise, for those who have much to ask and a place of their own for each question. Throws nothing. */
  ask(type: FrameType, body: unknown, options: RequestOptions | undefined, end: RequestEnd): void;
  /** Sends a message nobody answers. Returns false when buffers are full (the message is still queued). */
  notify(type: FrameType, body: unknown): boolean;
  /** Round trip of a ping frame, milliseconds. */
  ping(options?: RequestOptions): Promise<number>;
  /**
   * Opens a stream of its own for a large or streaming body.
   * @param purpose names the handler on the other side, 1 to 64 bytes; where nobody takes it, the stream is reset
   * @param header told to that handler; at most 16 KiB as MessagePack
   * @throws MaculaError MACULA_CONNECTION_CLOSED, MACULA_OVERLOADED, MACULA_INVALID_VALUE
   */
  openStream(purpose: string, header: unknown, handler: StreamHandler): TransportStream;
  /** Says DISCONNECT with the reason, lets it go out, then closes. */
  close(code: number, reason: string): Promise<void>;
}

export interface RequestContext {
  readonly session: Session;
  /** Aborted when the caller cancels or the session ends. */
  readonly signal: AbortSignal;
}

/**
 * Answers a request; what it returns (or resolves to) is the reply's body. A MaculaError thrown travels to the caller,
 * anything else is logged here and reaches it as MACULA_REMOTE_ERROR. MACULA_PROTOCOL_VIOLATION thrown before the
 * handler returns means that the body is malformed, and closes the session.
 */
export type RequestHandler = (body: unknown, context: RequestContext) => unknown;

/**
 * Called with an answer that is too large for a message; what it returns is sent in its place. Where a type has none, the caller gets
 * an error.
 */
export type OversizedReplyHandler = (body: unknown, context: RequestContext) => unknown;

export interface SessionEvents {
  /** The session is from now on the one in use with its peer; it may take the place of another one. */
  opened: Session;
  /** A session that was opened is gone. Another one with the peer may be in use: SessionManager.get knows. */
  closed: { session: Session; close: SessionClose };
  /** A connection that did not become a session. */
  refused: { nodeId: NodeId | undefined; address: SocketAddress | undefined; code: string; reason: string; direction: 'in' | 'out' };
}

/** All admitted sessions of a node, at most one per peer. */
export interface SessionManager extends Service {
  /**
   * Connects to a route, exchanges HELLO and resolves with the admitted session. When a session to the same
   * peer already exists (or wins the tie-break), resolves with that one.
   * @throws MaculaError as Endpoint.dial, and MACULA_REALM_MISMATCH, MACULA_REALM_PROOF_FAILED,
   * MACULA_VERSION_MISMATCH, MACULA_PEER_UNTRUSTED, MACULA_PEER_REFUSED, MACULA_OVERLOADED, MACULA_TIMED_OUT,
   * MACULA_PROTOCOL_VIOLATION, MACULA_CONNECTION_CLOSED
   */
  dial(route: Route, options?: { expectedId?: NodeId; signal?: AbortSignal }): Promise<Session>;
  get(nodeId: NodeId): Session | undefined;
  list(): readonly Session[];
  /** Registers the handler of a request type; one per type. `replyType` is the type of its answer. */
  handle(type: FrameType, replyType: FrameType, handler: RequestHandler, onOversized?: OversizedReplyHandler): void;
  /** Registers the handler of a message type that has no answer. */
  handleNotify(type: FrameType, handler: (body: unknown, context: { session: Session }) => void): void;
  /** Registers who takes streams opened for `purpose`. */
  handleStream(purpose: string, accept: (header: unknown, stream: TransportStream, session: Session) => StreamHandler): void;
  on<Name extends keyof SessionEvents>(name: Name, listener: (value: SessionEvents[Name]) => void): () => void;
}
