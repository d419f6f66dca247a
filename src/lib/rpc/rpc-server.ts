import { onceAborted } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { Clock } from '../base/clock.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { RequestContext } from '../session/session.js';
import { decodeBody, encodeBody } from '../wire/message-pack.js';
import { readCall, resultBody, type CallMessage } from '../wire/rpc-messages.js';
import { CallMemory, latin1Of, type RememberedCall } from './call-memory.js';
import { CallRun, Deadlines, type CancelSource } from './call-run.js';
import { failureReply } from './failure-reply.js';
import type { Procedure } from './procedure.js';
import type { ProcedureRegistry } from './procedure-registry.js';
import type { ServedOutcome } from './procedure-stats.js';
import { admitCall } from './serve-policy.js';
import { SharedRun } from './shared-run.js';
import { procedureError } from './status.js';
import { isValueStream } from './stream-results.js';

export interface RpcServerComponents {
  readonly registry: ProcedureRegistry;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Serves calls. What it throws reaches the caller as an ERROR: nothing ran, or the call was cancelled while it ran, by its
 * deadline or its caller. What it returns is the body of a REPLY, also where the procedure failed.
 */
export class RpcServer {
  readonly #registry: ProcedureRegistry;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #memory: CallMemory<SharedRun>;
  readonly deadlines: Deadlines;
  #isStopping = false;

  constructor({ registry, clock, logger }: RpcServerComponents, settings: Pick<Settings, 'rpcMemoryBytes'>) {
    this.#registry = registry;
    this.#clock = clock;
    this.#logger = logger;
    this.#memory = new CallMemory(settings.rpcMemoryBytes);
    this.deadlines = new Deadlines(clock);
  }

  /** Idempotent calls remembered, running or done. */
  get remembered(): number {
    return this.#memory.size;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  /** From now on new calls are refused; those under way go on. */
  stop(): void {
    this.#isStopping = true;
  }

  /** The procedure a caller may have now. @throws MaculaError as {@link admitCall} */
  admit(procedure: string, caller: NodeId): Procedure {
    return admitCall(this.#registry, procedure, caller, this.#isStopping);
  }

  /** Serves a CALL. @throws MaculaError MACULA_PROTOCOL_VIOLATION, and as {@link admitCall} */
  serve(body: unknown, context: RequestContext): unknown {
    return this.serveCall(readCall(body), context.session.nodeId, context);
  }

  /** @throws MaculaError as {@link admitCall} */
  serveCall(call: CallMessage, caller: NodeId, source: CancelSource): unknown {
    const nowMs = this.#clock.nowMs();
    if (call.callId) return this.#serveOnce(call, call.callId, caller, source, nowMs);
    return this.#run(admitCall(this.#registry, call.procedure, caller, this.#isStopping), call, caller, source, nowMs);
  }

  /** A call that may come again: it runs once, and everyone who asks gets its answer. */
  #serveOnce(call: CallMessage, callId: Uint8Array, caller: NodeId, source: CancelSource, nowMs: number): unknown {
    const key = `${caller}${latin1Of(callId)}${call.procedure}`;
    const known = this.#memory.find(key, nowMs);
    if (known) this.#registry.get(call.procedure)?.stats.repeat();
    if (known?.reply !== undefined) return decodeBody(Buffer.from(known.reply, 'latin1'));
    if (known?.running) return this.#join(known, known.running, source);
    const procedure = admitCall(this.#registry, call.procedure, caller, this.#isStopping);
    const shared = new SharedRun();
    const reply = this.#run(procedure, call, caller, shared, nowMs);
    const remembered = this.#memory.begin(key, shared, nowMs + call.remainingMs, nowMs);
    if (!(reply instanceof Promise)) {
      this.#remember(remembered, reply);
      return reply;
    }
    shared.reply = reply;
    reply.then(
      (body) => this.#remember(remembered, body),
      () => this.#memory.forget(remembered),
    );
    return this.#join(remembered, shared, source);
  }

  /** Waits for a call under way; it is cancelled when nobody waits any more. */
  async #join(remembered: RememberedCall<SharedRun>, shared: SharedRun, { signal }: CancelSource): Promise<unknown> {
    shared.waiting++;
    const onAbort = (): void => {
      if (--shared.waiting > 0) return;
      this.#memory.forget(remembered);
      shared.cancel(signal.reason);
    };
    if (signal.aborted) onAbort();
    else onceAborted(signal, onAbort);
    try {
      return await shared.reply;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #remember(remembered: RememberedCall<SharedRun>, body: unknown): void {
    try {
      this.#memory.finish(remembered, encodeBody(body));
    } catch {
      // It cannot travel, which the caller is told; a repeated call is told the same after running again.
      this.#memory.forget(remembered);
    }
  }

  /**
   * Runs a procedure; the reply's body, at once where the procedure returns at once. Rejects only where the call was cancelled: a
   * result that comes after is nobody's, and whether the caller's clock or this one is ahead must make no difference.
   */
  #run(procedure: Procedure, call: CallMessage, caller: NodeId, source: CancelSource, nowMs: number): unknown {
    const run = new CallRun(this.deadlines, source, { procedure: call.procedure, caller, deadlineMs: nowMs + call.remainingMs });
    procedure.stats.begin();
    let result: unknown;
    try {
      result = procedure.handler(call.args, run);
    } catch (error) {
      this.#ended(procedure, run, 'failed', nowMs);
      return failureReply(this.#logger, run, error);
    }
    if (isValueStream(result)) {
      this.#ended(procedure, run, 'cancelled', nowMs);
      throw refuseStream(procedure.name, result);
    }
    if (isThenable(result)) return this.#later(procedure, run, result, nowMs);
    this.#ended(procedure, run, 'succeeded', nowMs);
    return resultBody(result);
  }

  #later(procedure: Procedure, run: CallRun, result: PromiseLike<unknown>, startMs: number): Promise<unknown> {
    return Promise.resolve(result).then(
      (value) => {
        this.#ended(procedure, run, 'succeeded', startMs);
        if (run.cancelled) throw run.cancelled;
        return isValueStream(value) ? failureReply(this.#logger, run, ranStream(procedure.name, value)) : resultBody(value);
      },
      (error: unknown) => {
        this.#ended(procedure, run, 'failed', startMs);
        if (run.cancelled) throw run.cancelled;
        return failureReply(this.#logger, run, error);
      },
    );
  }

  #ended({ stats }: Procedure, run: CallRun, outcome: ServedOutcome, startMs: number): void {
    run.end();
    stats.end(run.cancelled ? 'cancelled' : outcome, this.#clock.nowMs() - startMs);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** A generator that has not begun does nothing when it is let go: the procedure certainly did not run. */
function refuseStream(procedure: string, values: AsyncIterable<unknown>): MaculaError {
  letGo(values);
  return new MaculaError('MACULA_PROCEDURE_STREAMS', `${JSON.stringify(procedure)} streams its results`, { details: { procedure } });
}

/** What came before the values has run. */
function ranStream(procedure: string, values: AsyncIterable<unknown>): MaculaError {
  letGo(values);
  return procedureError('UNIMPLEMENTED', `${JSON.stringify(procedure)} streams its results: it is called as a stream`);
}

function letGo(values: AsyncIterable<unknown>): void {
  void Promise.resolve(values[Symbol.asyncIterator]().return?.()).catch(() => undefined);
}
