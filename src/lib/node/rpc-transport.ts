import type { NodeId } from '../identity/node-id.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { RpcTransport } from '../rpc/ports.js';
import type { RequestHandler } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';

/** Carries calls over the connection pool. */
export class PooledRpcTransport implements RpcTransport {
  readonly #pool: ConnectionPool;

  constructor(components: { pool: ConnectionPool }) {
    this.#pool = components.pool;
  }

  request(nodeId: NodeId, type: FrameType, body: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<unknown> {
    return this.#pool.request(nodeId, type, body, options);
  }

  serve(type: FrameType, replyType: FrameType, handler: RequestHandler): void {
    this.#pool.serve(type, replyType, handler);
  }
}
