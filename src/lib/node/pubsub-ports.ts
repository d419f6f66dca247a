import { parseAddress, type SocketAddress } from '../base/address.js';
import type { Dht } from '../dht/dht.js';
import type { NodeId } from '../identity/node-id.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { AddressBook } from '../pool/ports.js';
import type { PeerMessageHandler, PubSubTransport, TopicDirectory } from '../pubsub/ports.js';
import type { SessionManager } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';
import { sessionContact } from './session-contact.js';

/** In whose name the pool keeps connections for publish/subscribe. */
const owner = 'pubsub';

/** Nodes found under one name at most: as many as replicas hold. */
const maxFound = 1000;

export interface PooledPubSubComponents {
  readonly pool: ConnectionPool;
  readonly sessions: Pick<SessionManager, 'get' | 'list' | 'on'>;
  readonly dht: Pick<Dht, 'findNode'>;
  readonly addressBook: AddressBook;
}

/** Carries publish/subscribe over the connection pool. */
export class PooledPubSubTransport implements PubSubTransport {
  readonly #components: PooledPubSubComponents;

  constructor(components: PooledPubSubComponents) {
    this.#components = components;
  }

  async request(nodeId: NodeId, type: FrameType, body: unknown, options: Parameters<PubSubTransport['request']>[3]): Promise<unknown> {
    const { pool, sessions } = this.#components;
    const { addresses = [], ...rest } = options;
    const session = sessions.get(nodeId);
    const where = addresses.length > 0 || (session && !session.isClosed) ? addresses : await this.#locate(nodeId, options.signal);
    return pool.request(nodeId, type, body, { ...rest, addresses: where });
  }

  serve(type: FrameType, replyType: FrameType, handler: PeerMessageHandler): void {
    this.#components.pool.serve(type, replyType, (body, { session }) => handler(body, session.nodeId));
  }

  listen(listener: Parameters<PubSubTransport['listen']>[0]): () => void {
    const { sessions } = this.#components;
    const stops = [
      sessions.on('opened', ({ nodeId }) => listener.opened(nodeId)),
      sessions.on('closed', ({ session }) => {
        const other = sessions.get(session.nodeId);
        if (!other || other === session || other.isClosed) listener.closed(session.nodeId);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  connected(): NodeId[] {
    return this.#components.sessions.list().map(({ nodeId }) => nodeId);
  }

  keep(nodeIds: readonly NodeId[]): void {
    this.#components.pool.keep(owner, nodeIds);
  }

  addressesOf(nodeId: NodeId): readonly SocketAddress[] {
    const session = this.#components.sessions.get(nodeId);
    return session ? sessionContact(session).addresses : [];
  }

  /** Addresses of a node known by its id alone: what peers told of it, else what the DHT finds. */
  async #locate(nodeId: NodeId, signal: AbortSignal | undefined): Promise<readonly SocketAddress[]> {
    const { addressBook, dht } = this.#components;
    if ((await addressBook.resolve(nodeId)).length > 0) return [];
    const { nodes } = await dht.findNode(nodeId, signal ? { signal } : {});
    const found = nodes.find((node) => node.nodeId === nodeId);
    return (found?.addresses ?? []).flatMap((address) => parseAddress(address) ?? []);
  }
}

/** Topics in the DHT. */
export class DhtTopicDirectory implements TopicDirectory {
  readonly #dht: Pick<Dht, 'provide' | 'unprovide' | 'findProviders'>;

  constructor(components: { dht: Pick<Dht, 'provide' | 'unprovide' | 'findProviders'> }) {
    this.#dht = components.dht;
  }

  async announce(name: string, signal: AbortSignal): Promise<void> {
    await this.#dht.provide('topic', name, undefined, { signal });
  }

  async withdraw(name: string): Promise<void> {
    await this.#dht.unprovide('topic', name);
  }

  async find(name: string, options: { fresh: boolean; signal: AbortSignal }): Promise<NodeId[]> {
    const { providers } = await this.#dht.findProviders('topic', name, { ...options, limit: maxFound });
    return providers.map(({ nodeId }) => nodeId);
  }
}
