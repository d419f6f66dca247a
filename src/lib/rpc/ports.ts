import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { RequestHandler } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';

/** Carries calls between nodes. */
export interface RpcTransport {
  /**
   * Sends a request to a node and resolves with the reply's body, connecting first where need be. It is sent at most once.
   * @throws MaculaError as Session.request, and MACULA_UNREACHABLE where it was not sent at all
   */
  request(nodeId: NodeId, type: FrameType, body: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<unknown>;
  serve(type: FrameType, replyType: FrameType, handler: RequestHandler): void;
}

/** What a search for the providers of a procedure came to. */
export interface FoundProviders {
  readonly nodeIds: readonly NodeId[];
  /** Nodes that were asked, and how many of them answered. */
  readonly asked: number;
  readonly answered: number;
  /** Whether the search came to its end; false where silent nodes were waited for no longer. */
  readonly isComplete: boolean;
}

/** Who serves what, in the whole mesh. */
export interface ProviderLookup {
  /**
   * Providers of a procedure; an answer may come from a cache unless `fresh`. Nodes that are silent for `patienceMs` are waited for no longer.
   * @throws MaculaError MACULA_ABORTED, MACULA_OVERLOADED
   */
  find(procedure: string, options: { fresh: boolean; patienceMs: number; signal?: AbortSignal }): Promise<FoundProviders>;
  /** A provider did not serve: cached answers that name it are not used any more. */
  failed(nodeId: NodeId): void;
  /** Says that this node serves a procedure, until {@link withdraw}; goes on by itself where it fails at first. */
  announce(procedure: string, signal?: AbortSignal): Promise<void>;
  withdraw(procedure: string, signal?: AbortSignal): Promise<void>;
}

/** What RPC needs of the node around it. */
export interface RpcComponents {
  readonly nodeId: NodeId;
  readonly transport: RpcTransport;
  readonly providers: ProviderLookup;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}
