import type { NodeId } from '../identity/node-id.js';
import type { Contact } from '../dht/contact.js';
import type { DhtPeerListener, DhtTransport, PeerRequestHandler } from '../dht/ports.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { Session, SessionManager } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';
import type { RelayHint } from '../wire/peer-record.js';
import { sessionContact } from './session-contact.js';

/** In whose name the pool keeps connections for the DHT. */
const owner = 'dht';

/** Carries the DHT's requests over the connection pool. */
export class PooledDhtTransport implements DhtTransport {
  readonly #pool: ConnectionPool;
  readonly #sessions: Pick<SessionManager, 'list' | 'get' | 'on'>;
  readonly #relaysOf: (nodeId: NodeId) => readonly RelayHint[] | undefined;

  /** @param components `relaysOf` tells through which relays a peer says it is reachable */
  constructor(components: { pool: ConnectionPool; sessions: Pick<SessionManager, 'list' | 'get' | 'on'>; relaysOf?: (nodeId: NodeId) => readonly RelayHint[] | undefined }) {
    this.#pool = components.pool;
    this.#sessions = components.sessions;
    this.#relaysOf = components.relaysOf ?? (() => undefined);
  }

  /** @throws MaculaError as ConnectionPool.request */
  request({ nodeId, addresses, relays }: Contact, type: FrameType, body: unknown, options: { timeoutMs: number }): Promise<unknown> {
    return this.#pool.request(nodeId, type, body, { ...options, addresses, relays, mayLookUp: false, idempotent: true });
  }

  serve(type: FrameType, replyType: FrameType, handler: PeerRequestHandler): void {
    this.#pool.serve(type, replyType, (body, { session }) => handler(body, this.#contact(session)));
  }

  connected(): Contact[] {
    return this.#sessions.list().map((session) => this.#contact(session));
  }

  listen(listener: DhtPeerListener): () => void {
    const stops = [
      this.#sessions.on('opened', (session) => listener.opened(this.#contact(session))),
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

  #contact(session: Session): Contact {
    return sessionContact(session, this.#relaysOf(session.nodeId));
  }
}
