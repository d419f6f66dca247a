import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import { unsentError } from '../pool/pool-errors.js';
import type { Lease } from '../pool/pool-types.js';
import type { ByteStream, ByteStreamHandler, RpcTransport, StreamAcceptor, StreamPeer } from '../rpc/ports.js';
import type { OversizedReplyHandler, RequestEnd, RequestHandler, Session, SessionManager } from '../session/session.js';
import { CloseCode } from '../transport/endpoint.js';
import type { FrameType } from '../wire/frame-type.js';

/** Carries calls over the connection pool. */
export class PooledRpcTransport implements RpcTransport {
  readonly #pool: ConnectionPool;
  readonly #sessions: Pick<SessionManager, 'handleStream'>;

  constructor(components: { pool: ConnectionPool; sessions: Pick<SessionManager, 'handleStream'> }) {
    this.#pool = components.pool;
    this.#sessions = components.sessions;
  }

  ask(nodeId: NodeId, type: FrameType, body: unknown, options: { timeoutMs: number; signal: AbortSignal | undefined }, end: RequestEnd): void {
    this.#pool.ask(nodeId, type, body, options, end);
  }

  serve(type: FrameType, replyType: FrameType, handler: RequestHandler, onOversized: OversizedReplyHandler): void {
    this.#pool.serve(type, replyType, handler, onOversized);
  }

  async openStream(nodeId: NodeId, purpose: string, header: unknown, handler: ByteStreamHandler, options: { timeoutMs: number; signal?: AbortSignal }): Promise<{ stream: ByteStream; peer: StreamPeer }> {
    let lease: Lease | undefined;
    try {
      lease = await this.#pool.acquire(nodeId, options);
      const { session, release } = lease;
      return { stream: session.openStream(purpose, header, held(handler, release)), peer: peerOf(session) };
    } catch (error) {
      lease?.release();
      throw unsentError(MaculaError.from(error));
    }
  }

  serveStreams(purpose: string, accept: StreamAcceptor): void {
    this.#sessions.handleStream(purpose, (header, stream, session) => {
      const handler = accept(header, stream, peerOf(session));
      return held(handler, this.#pool.hold(session.nodeId));
    });
  }
}

function peerOf(session: Session): StreamPeer {
  return { nodeId: session.nodeId, violation: (reason) => void session.close(CloseCode.protocolViolation, reason) };
}

/** A connection is in use for as long as a stream on it. */
function held(handler: ByteStreamHandler, release: () => void): ByteStreamHandler {
  return {
    onData: (chunk) => handler.onData(chunk),
    onEnd: () => handler.onEnd(),
    onReset: (code) => handler.onReset(code),
    onStopped: (code) => handler.onStopped(code),
    onDrain: () => handler.onDrain(),
    onClose: () => {
      release();
      handler.onClose();
    },
  };
}
