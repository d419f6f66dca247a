import type { Clock } from '../base/clock.js';
import type { KeyValue } from '../base/key-value.js';
import type { Logger } from '../base/logger.js';
import type { NodeId } from '../identity/node-id.js';
import type { FrameType } from '../wire/frame-type.js';
import type { Contact } from './contact.js';

/** Answers a request of a peer; a MaculaError it throws or rejects with travels to the peer. */
export type PeerRequestHandler = (body: unknown, from: Contact) => unknown;

/** Sessions that open and close, with the contact as the session shows it. */
export interface DhtPeerListener {
  opened(contact: Contact): void;
  closed(nodeId: NodeId): void;
}

/** How the DHT reaches peers and hears of them. */
export interface DhtTransport {
  /**
   * Sends a request, connecting if need be, and resolves with the body of the answer. The request may be sent twice.
   * @throws MaculaError
   */
  request(contact: Contact, type: FrameType, body: unknown, options: { timeoutMs: number }): Promise<unknown>;
  /** Sets who answers a request type, once per type; a handler outlives the DHT it belongs to. */
  serve(type: FrameType, replyType: FrameType, handler: PeerRequestHandler): void;
  connected(): Iterable<Contact>;
  /** Returns how to stop listening. */
  listen(listener: DhtPeerListener): () => void;
  /** Keeps the connections to these nodes, those that are open, until the next call. */
  keep(nodeIds: readonly NodeId[]): void;
}

/** A node of the routing table on disk. */
export interface RememberedContact {
  readonly nodeId: NodeId;
  /** As `host:port`. */
  readonly addresses: readonly string[];
  readonly reachability: string;
}

/** What the shell of the DHT needs of the node around it. */
export interface DhtPorts {
  readonly transport: DhtTransport;
  /** Records and what belongs to them. */
  readonly records: KeyValue<unknown>;
  /** The routing table of the last run. */
  readonly contacts: KeyValue<readonly RememberedContact[]>;
  readonly clock: Clock;
  readonly logger: Logger;
}
