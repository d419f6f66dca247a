import type { NodeId } from '../identity/node-id.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { HeldSession, RpcTransport, StreamAcceptor } from '../rpc/ports.js';
import type { RequestHandler, SessionManager } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';

/** Carries calls over the connection pool. */
export class PooledRpcTransport implements RpcTransport {
  readonly #pool: ConnectionPool;
  readonly #sessions: Pick<SessionManager, 'handleStream'>;

  constructor(components: { pool: ConnectionPool; sessions: Pick<SessionManager, 'handleStream'> }) {
    this.#pool = components.pool;
    this.#sessions = components.sessions;
  }

  request(nodeId: NodeId, type: FrameType, body: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<unknown> {
    return this.#pool.request(nodeId, type, body, options);
  }

  hold(nodeId: NodeId, options: { timeoutMs: number; signal?: AbortSignal }): Promise<HeldSession> {
    return this.#pool.acquire(nodeId, options);
  }

  serve(type: FrameType, replyType: FrameType, handler: RequestHandler): void {
    this.#pool.serve(type, replyType, handler);
  }

  serveStream(purpose: string, accept: StreamAcceptor): void {
    this.#sessions.handleStream(purpose, accept);
  }
}
