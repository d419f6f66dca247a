import { MaculaError } from '../base/errors.js';
import { parseNodeId, type NodeId } from '../identity/node-id.js';
import { maxProcedureBytes } from '../wire/rpc-messages.js';
import type { ProcedureStats } from './procedure-stats.js';

/** What a procedure knows of the call it serves. */
export interface CallContext {
  readonly procedure: string;
  /** Who calls: proven by the connection. */
  readonly caller: NodeId;
  /** Aborted when the caller cancels or is gone, and at the deadline. */
  readonly signal: AbortSignal;
  /** Milliseconds until nobody waits any more; Infinity for a stream without a deadline. */
  readonly remainingMs: number;
  /** Values the caller streams, none where it calls without a stream. They come as fast as they are read; ends when the caller ends. */
  readonly input: AsyncIterable<unknown>;
}

/**
 * Serves a call: what it returns (or resolves to) is the result, anything MessagePack can carry. Where it returns an async iterable,
 * as an async generator does, each value of that is a result of its own, taken as fast as the caller reads. An error made by
 * `procedureError`, or any MaculaError, tells the caller how it failed; of others it learns only that it failed.
 */
export type ProcedureHandler = (args: unknown, context: CallContext) => unknown;

export interface ProcedureOptions {
  /** Nodes that may call; every node of the realm where absent. */
  readonly allow?: readonly NodeId[];
  /** Calls served at once; more are refused as overloaded. The setting rpcConcurrency where absent. A function is asked for each call. */
  readonly concurrency?: number | (() => number);
}

/** A procedure that this node serves. */
export interface Procedure {
  readonly name: string;
  readonly handler: ProcedureHandler;
  /** undefined: every node of the realm. */
  readonly allow: ReadonlySet<NodeId> | undefined;
  readonly concurrency: () => number;
  /** Every node has it, so nobody looks for it in the DHT. */
  readonly builtIn: boolean;
  readonly stats: ProcedureStats;
}

/** Names that begin so belong to Macula itself. */
export const builtInPrefix = 'macula.';

/** @throws MaculaError MACULA_INVALID_VALUE unless it can be a procedure's name */
export function checkProcedureName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes >= 1 && bytes <= maxProcedureBytes) return;
  throw new MaculaError('MACULA_INVALID_VALUE', `the name of a procedure has 1 to ${maxProcedureBytes} bytes, not ${bytes}`, { hint: 'Choose a shorter name.' });
}

/** The callers of {@link ProcedureOptions.allow} as a set. @throws MaculaError MACULA_INVALID_VALUE */
export function callersOf(allow: readonly string[] | undefined): ReadonlySet<NodeId> | undefined {
  if (allow === undefined) return undefined;
  return new Set(
    allow.map((text) => {
      const nodeId = parseNodeId(text);
      if (nodeId === undefined) throw new MaculaError('MACULA_INVALID_VALUE', `not a node id: ${JSON.stringify(text)}`, { hint: 'A node id has 64 hexadecimal characters.' });
      return nodeId;
    }),
  );
}
