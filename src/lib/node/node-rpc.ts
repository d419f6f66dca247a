import type { CallOptions, CallOutcome } from '../rpc/call-options.js';
import type { CallStream, StreamOptions } from '../rpc/call-stream.js';
import type { ProcedureHandler, ProcedureOptions } from '../rpc/procedure.js';
import type { ProcedureInfo, ProcedureRegistry } from '../rpc/procedure-registry.js';
import type { KnownProvider, Rpc, RpcStats } from '../rpc/rpc.js';
import type { NodeParts } from './node-parts.js';

/**
 * Remote procedure calls of a node: serve procedures, and call those of others by name or at a certain node.
 *
 * ```ts
 * await node.rpc.register('math.add', ({ a, b }) => a + b);
 * await other.rpc.call('math.add', { a: 1, b: 2 });
 * ```
 */
export class NodeRpc {
  readonly #parts: NodeParts;
  readonly #registry: ProcedureRegistry;

  constructor(components: { parts: NodeParts; registry: ProcedureRegistry }) {
    this.#parts = components.parts;
    this.#registry = components.registry;
  }

  /**
   * Serves a procedure from now on; resolves when the mesh knows. May be called before the node has started. Where announcing fails at
   * first, the procedure is served and announced again by itself.
   * @param handler its return value (or what it resolves to) is the result, anything MessagePack can carry; where that is an async
   * iterable, as of an async generator, its values are the results of a stream
   * @throws MaculaError MACULA_INVALID_VALUE, MACULA_ALREADY_SERVED, MACULA_OVERLOADED
   */
  async register<Args = unknown>(procedure: string, handler: (args: Args, context: Parameters<ProcedureHandler>[1]) => unknown, options?: ProcedureOptions): Promise<void> {
    this.#registry.add(procedure, handler as ProcedureHandler, options);
    await this.#announce(procedure);
  }

  /** Serves a procedure no longer; calls under way go on. Returns whether it was served. */
  async unregister(procedure: string): Promise<boolean> {
    const removed = this.#registry.remove(procedure);
    if (removed) await this.#parts.rpc?.withdraw(procedure).catch(() => undefined);
    return removed;
  }

  /**
   * Calls a procedure and resolves with its result.
   * @param args anything MessagePack can carry, up to 1 MiB
   * @throws MaculaError as {@link callDetailed}
   */
  async call<Result = unknown>(procedure: string, args?: unknown, options?: CallOptions): Promise<Result> {
    return (await this.#rpc().call(procedure, args, options)).result as Result;
  }

  /**
   * Calls a procedure and tells who answered, after how many attempts and in what time. Errors have in their details `status`, a name
   * of `RpcStatus`, and `executed`: `no` where the procedure certainly did not run, otherwise `maybe` or `yes`.
   * @throws MaculaError MACULA_NO_PROVIDER (at once), MACULA_CALL_FAILED (it ran and failed), MACULA_TIMED_OUT, MACULA_UNREACHABLE,
   * MACULA_CONNECTION_CLOSED, MACULA_OVERLOADED, MACULA_CALL_REFUSED, MACULA_INVALID_VALUE, MACULA_ABORTED, MACULA_NO_NODE
   */
  async callDetailed(procedure: string, args?: unknown, options?: CallOptions): Promise<CallOutcome> {
    return this.#rpc().call(procedure, args, options);
  }

  /**
   * Calls a procedure that streams; resolves once a provider has accepted. Values can be written and results read, in any order; a
   * procedure that returns one result gives a stream of one.
   *
   * ```ts
   * const stream = await node.rpc.callStream<number>('math.countdown', { from: 3 });
   * for await (const n of stream) console.log(n);
   * ```
   * @throws MaculaError as {@link callDetailed}: nothing has begun then, unless `executed` says so
   */
  async callStream<Result = unknown>(procedure: string, args?: unknown, options?: StreamOptions): Promise<CallStream<Result>> {
    return (await this.#rpc().callStream(procedure, args, options)) as CallStream<Result>;
  }

  /** The procedures this node serves, those every node has included, with what they have done. */
  list(): ProcedureInfo[] {
    return this.#registry.list();
  }

  /** Who serves a procedure, and what this node knows of each. @throws MaculaError MACULA_NO_NODE, MACULA_OVERLOADED, MACULA_ABORTED */
  async providers(procedure: string, options?: { fresh?: boolean; signal?: AbortSignal }): Promise<KnownProvider[]> {
    return this.#rpc().providers(procedure, options);
  }

  /** @throws MaculaError MACULA_NO_NODE */
  stats(): RpcStats {
    return this.#rpc().stats();
  }

  /** Calls back when a provider's circuit opens or closes; from the present incarnation of RPC only. @throws MaculaError MACULA_NO_NODE */
  on(...listener: Parameters<Rpc['on']>): () => void {
    return this.#rpc().on(...listener);
  }

  async #announce(procedure: string): Promise<void> {
    // It is logged and tried again by itself; serving does not depend on it.
    await this.#parts.rpc?.announce(procedure).catch(() => undefined);
  }

  #rpc(): Rpc {
    return this.#parts.running('rpc');
  }
}

