import type { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';

export interface CallOptions {
  /** Call this node; where absent, any that provides the procedure. */
  readonly node?: NodeId;
  /** Milliseconds until the deadline, attempts and pauses included; the setting rpcTimeoutMs where absent. */
  readonly timeoutMs?: number;
  /**
   * Running it twice does no harm. Only then it is tried again where it may have run; the same provider runs it once and
   * answers a repeated call with the first answer.
   */
  readonly idempotent?: boolean;
  /** Ask a second provider when the first is slower than 19 of 20 answers were. For idempotent calls only. */
  readonly hedge?: boolean;
  /** Aborting it ends the call at once and cancels the procedure. */
  readonly signal?: AbortSignal;
}

/** How a call went that succeeded. */
export interface CallOutcome {
  readonly result: unknown;
  readonly provider: NodeId;
  /** Attempts made, the one that succeeded included. */
  readonly attempts: number;
  readonly durationMs: number;
}

/** A call on its way. */
export interface PendingCall {
  readonly procedure: string;
  readonly args: unknown;
  readonly callId: Uint8Array | undefined;
  readonly timeoutMs: number;
  readonly startMs: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** How a stream is opened; undefined: a request is sent. */
  readonly attempt: StreamAttempt | undefined;
}

/** Opens a stream at a node; resolves once it is accepted, with what stands for it. */
export type StreamAttempt = (nodeId: NodeId, timeoutMs: number, signal: AbortSignal | undefined) => Promise<unknown>;

/** A stream that a provider has accepted. */
export interface OpenedAt {
  readonly opened: unknown;
  readonly provider: NodeId;
  readonly attempts: number;
  /** To be called once, when it is over. */
  end(provider: NodeId, error: MaculaError | undefined): void;
}
