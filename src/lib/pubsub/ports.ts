import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { Signer, VerifySignature } from '../identity/signing.js';
import type { FrameType } from '../wire/frame-type.js';

/** Answers a request of a peer; a MaculaError it throws or rejects with travels to the peer. */
export type PeerMessageHandler = (body: unknown, from: NodeId) => unknown;

/** How publish/subscribe reaches peers and hears of them. */
export interface PubSubTransport {
  /**
   * Sends a request, connecting if need be, and resolves with the body of the answer.
   * @throws MaculaError
   */
  request(nodeId: NodeId, type: FrameType, body: unknown, options: { timeoutMs: number; signal?: AbortSignal; addresses?: readonly SocketAddress[] }): Promise<unknown>;
  /** Sets who answers a request type, once per type. */
  serve(type: FrameType, replyType: FrameType, handler: PeerMessageHandler): void;
  /** Calls back when a session with a peer opened, and when the last one closed. Returns how to stop listening. */
  listen(listener: { opened(nodeId: NodeId): void; closed(nodeId: NodeId): void }): () => void;
  /** Peers with a session now. */
  connected(): readonly NodeId[];
  /** Keeps the connections to these nodes, those that are open, until the next call. */
  keep(nodeIds: readonly NodeId[]): void;
  /** Where the peer can be reached, as far as its present connection shows; empty when there is none. */
  addressesOf(nodeId: NodeId): readonly SocketAddress[];
}

/** Where nodes say under a name what they publish or subscribe to: the DHT. */
export interface TopicDirectory {
  /** Announces this node under the name until {@link withdraw}; resolves when it can be found. */
  announce(name: string, signal: AbortSignal): Promise<void>;
  withdraw(name: string): Promise<void>;
  /** The nodes under the name. @param fresh ask the network even if the answer is cached */
  find(name: string, options: { fresh: boolean; signal: AbortSignal }): Promise<readonly NodeId[]>;
}

/** What publish/subscribe needs of the node around it. */
export interface PubSubPorts {
  readonly nodeId: NodeId;
  readonly realmId: Uint8Array;
  readonly signer: Signer;
  readonly verify: VerifySignature;
  readonly transport: PubSubTransport;
  readonly directory: TopicDirectory;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}
