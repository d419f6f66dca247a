import type { SocketAddress } from '../base/address.js';
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
}

export interface SessionClose {
  /** local, remote, timeout or error, as in ConnectionClose. */
  readonly by: 'local' | 'remote' | 'timeout' | 'error';
  readonly code: number;
  readonly reason: string;
}

export interface RequestOptions {
  /** Milliseconds to wait for the reply; the setting requestTimeoutMs where absent. */
  timeoutMs?: number;
  /** Aborting it rejects at once and tells the peer to cancel. */
  signal?: AbortSignal;
}

/** An admitted peer. Everything above the transport speaks through this. */
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
   * MACULA_OVERLOADED, MACULA_ABORTED
   */
  request(type: FrameType, body: unknown, options?: RequestOptions): Promise<unknown>;
  /** Sends a message nobody answers. Returns false when buffers are full (the message is still queued). */
  notify(type: FrameType, body: unknown): boolean;
  /** Round trip of a ping frame, milliseconds. */
  ping(options?: RequestOptions): Promise<number>;
  /** Opens a stream of its own for a large or streaming body; `purpose` names the handler on the other side. */
  openStream(purpose: string, header: unknown, handler: StreamHandler): TransportStream;
  /** Says DISCONNECT with the reason, lets it go out, then closes. */
  close(code: number, reason: string): Promise<void>;
}

export interface RequestContext {
  readonly session: Session;
  /** Aborted when the caller cancels or the session ends. */
  readonly signal: AbortSignal;
}

/** Answers a request; what it returns (or resolves to) is the reply's body. A MaculaError thrown travels to the caller. */
export type RequestHandler = (body: unknown, context: RequestContext) => unknown;

export interface SessionEvents {
  opened: Session;
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
   * MACULA_VERSION_MISMATCH, MACULA_PEER_UNTRUSTED, MACULA_PEER_REFUSED
   */
  dial(route: Route, options?: { expectedId?: NodeId; signal?: AbortSignal }): Promise<Session>;
  get(nodeId: NodeId): Session | undefined;
  list(): readonly Session[];
  /** Registers the handler of a request type; one per type. `replyType` is the type of its answer. */
  handle(type: FrameType, replyType: FrameType, handler: RequestHandler): void;
  /** Registers the handler of a message type that has no answer. */
  handleNotify(type: FrameType, handler: (body: unknown, context: { session: Session }) => void): void;
  /** Registers who takes streams opened for `purpose`. */
  handleStream(purpose: string, accept: (header: unknown, stream: TransportStream, session: Session) => StreamHandler): void;
  on<Name extends keyof SessionEvents>(name: Name, listener: (value: SessionEvents[Name]) => void): () => void;
}
