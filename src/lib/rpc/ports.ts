import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { OversizedReplyHandler, RequestEnd, RequestHandler } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';

/** A stream of bytes both ways between two nodes; each side ends for itself. */
export interface ByteStream {
  /** Queues bytes. Returns false when much is buffered: wait for onDrain before writing much more. */
  write(data: Uint8Array): boolean;
  /** Bytes queued and not yet handed to the network. */
  readonly bufferedBytes: number;
  /** Ends this side after what is queued. */
  end(): void;
  /** Gives up this side; what is queued is dropped. */
  reset(code: number): void;
  /** Refuses what the other side still sends. */
  stopSending(code: number): void;
  pause(): void;
  resume(): void;
}

/** Hears what happens on a stream; must not throw. */
export interface ByteStreamHandler {
  /** Valid only during the call. */
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  onReset(code: number): void;
  /** The other side refuses what this one sends. */
  onStopped(code: number): void;
  onDrain(): void;
  /** Last: both sides are over, or the connection is gone. */
  onClose(): void;
}

/** The node at the other end of a stream. */
export interface StreamPeer {
  readonly nodeId: NodeId;
  /** It broke the protocol: ends the connection with it. */
  violation(reason: string): void;
}

/** Takes a stream another node opened. @throws MaculaError MACULA_PROTOCOL_VIOLATION where the header is malformed */
export type StreamAcceptor = (header: unknown, stream: ByteStream, peer: StreamPeer) => ByteStreamHandler;

/** Carries calls between nodes. */
export interface RpcTransport {
  /**
   * Sends a request to a node, connecting first where need be, and tells `end` the reply's body, perhaps before this returns. It is sent
   * at most once. Throws nothing; the errors are those of Session.request, and MACULA_UNREACHABLE where it was not sent at all.
   */
  ask(nodeId: NodeId, type: FrameType, body: unknown, options: { timeoutMs: number; signal: AbortSignal | undefined }, end: RequestEnd): void;
  serve(type: FrameType, replyType: FrameType, handler: RequestHandler, onOversized: OversizedReplyHandler): void;
  /**
   * Opens a stream to a node, connecting first where need be.
   * @throws MaculaError as Session.openStream, MACULA_UNREACHABLE, MACULA_TIMED_OUT, MACULA_ABORTED; nothing was sent then, and `executed: 'no'` in the details says so
   */
  openStream(nodeId: NodeId, purpose: string, header: unknown, handler: ByteStreamHandler, options: { timeoutMs: number; signal?: AbortSignal }): Promise<{ readonly stream: ByteStream; readonly peer: StreamPeer }>;
  serveStreams(purpose: string, accept: StreamAcceptor): void;
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
