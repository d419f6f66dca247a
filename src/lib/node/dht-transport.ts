import type { NodeId } from '../identity/node-id.js';
import type { Contact } from '../dht/contact.js';
import type { DhtPeerListener, DhtTransport, PeerRequestHandler } from '../dht/ports.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { SessionManager } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';
import { sessionContact } from './session-contact.js';

/** In whose name the pool keeps connections for the DHT. */
const owner = 'dht';

/** Carries the DHT's requests over the connection pool. */
export class PooledDhtTransport implements DhtTransport {
  readonly #pool: ConnectionPool;
  readonly #sessions: Pick<SessionManager, 'list' | 'get' | 'on'>;

  constructor(components: { pool: ConnectionPool; sessions: Pick<SessionManager, 'list' | 'get' | 'on'> }) {
    this.#pool = components.pool;
    this.#sessions = components.sessions;
  }

  /** @throws MaculaError as ConnectionPool.request */
  request({ nodeId, addresses, relays }: Contact, type: FrameType, body: unknown, options: { timeoutMs: number; signal: AbortSignal }): Promise<unknown> {
    return this.#pool.request(nodeId, type, body, { ...options, addresses, relays, mayLookUp: false, idempotent: true });
  }

  serve(type: FrameType, replyType: FrameType, handler: PeerRequestHandler): void {
    this.#pool.serve(type, replyType, (body, { session }) => handler(body, sessionContact(session)));
  }

  connected(): Contact[] {
    return this.#sessions.list().map(sessionContact);
  }

  listen(listener: DhtPeerListener): () => void {
    const stops = [
      this.#sessions.on('opened', (session) => listener.opened(sessionContact(session))),
      this.#sessions.on('closed', ({ session }) => {
        const other = this.#sessions.get(session.nodeId);
        if (!other || other === session || other.isClosed) listener.closed(session.nodeId);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  keep(nodeIds: readonly NodeId[]): void {
    this.#pool.keep(owner, nodeIds);
  }
}
