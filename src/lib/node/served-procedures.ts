import { abortError, onceAborted } from '../base/abort.js';
import { AsyncQueue } from '../base/async-queue.js';
import type { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { RpcAnswerInput, RpcServeEvent, RpcServeInput } from '../control/protocol-rpc.js';
import type { CallContext } from '../rpc/procedure.js';
import { isStatusName, procedureError } from '../rpc/status.js';
import { fromJsonValue, toJsonValue } from './json-value.js';
import type { NodeRpc } from './node-rpc.js';

/** A call handed to a worker. */
interface HandedCall {
  readonly worker: Worker;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: MaculaError) => void;
}

/** One stream over which calls are handed out. */
interface Worker {
  readonly concurrency: number;
  readonly events: AsyncQueue<RpcServeEvent>;
  running: number;
}

/**
 * Procedures served by programs at the control socket. Any number of them may serve one procedure; each call goes to the one with
 * the largest share of its places free.
 */
export class ServedProcedures {
  readonly #rpc: Pick<NodeRpc, 'register' | 'unregister'>;
  readonly #random: RandomSource;
  readonly #workers = new Map<string, Set<Worker>>();
  readonly #calls = new Map<string, HandedCall>();

  constructor(components: { rpc: Pick<NodeRpc, 'register' | 'unregister'>; random: RandomSource }) {
    this.#rpc = components.rpc;
    this.#random = components.random;
  }

  /** Calls handed out and not answered yet. */
  get pending(): number {
    return this.#calls.size;
  }

  /**
   * Hands over calls until the signal aborts; then what was handed over here and not answered fails as UNAVAILABLE.
   * @throws MaculaError MACULA_ALREADY_SERVED, MACULA_INVALID_VALUE, MACULA_OVERLOADED
   */
  async *serve({ procedure, concurrency, allow }: RpcServeInput, signal: AbortSignal): AsyncGenerator<RpcServeEvent, void, void> {
    const worker: Worker = { concurrency, events: new AsyncQueue(), running: 0 };
    const onAbort = (): void => worker.events.end();
    onceAborted(signal, onAbort);
    try {
      await this.#join(procedure, worker, allow);
      if (signal.aborted) return;
      yield { event: 'serving', procedure };
      yield* worker.events;
    } finally {
      signal.removeEventListener('abort', onAbort);
      await this.#leave(procedure, worker);
    }
  }

  /** The answer to a call; false where nobody waits for it any more. */
  answer({ callId, result, error }: RpcAnswerInput): boolean {
    const call = this.#calls.get(callId);
    if (!call) return false;
    if (!error) call.resolve(fromJsonValue(result ?? null));
    else call.reject(procedureError(isStatusName(error.status) && error.status !== 'OK' ? error.status : 'UNKNOWN', error.message, error.details));
    return true;
  }

  async #join(procedure: string, worker: Worker, allow: readonly string[] | undefined): Promise<void> {
    const workers = this.#workers.get(procedure);
    if (workers) return void workers.add(worker);
    const first = new Set([worker]);
    this.#workers.set(procedure, first);
    try {
      const places = (): number => [...first].reduce((sum, each) => sum + each.concurrency, 0);
      await this.#rpc.register(procedure, (args, context) => this.#hand(first, args, context), { concurrency: places, ...(allow === undefined ? {} : { allow }) });
    } catch (error) {
      this.#workers.delete(procedure);
      throw error;
    }
  }

  async #leave(procedure: string, worker: Worker): Promise<void> {
    for (const call of [...this.#calls.values()]) {
      if (call.worker === worker) call.reject(procedureError('UNAVAILABLE', 'the program that served the call went away'));
    }
    const workers = this.#workers.get(procedure);
    if (!workers?.delete(worker) || workers.size > 0) return;
    this.#workers.delete(procedure);
    await this.#rpc.unregister(procedure);
  }

  #hand(workers: ReadonlySet<Worker>, args: unknown, { caller, signal, remainingMs }: CallContext): Promise<unknown> {
    const free = (worker: Worker): number => 1 - worker.running / worker.concurrency;
    const worker = [...workers].reduce<Worker | undefined>((best, each) => (best && free(best) >= free(each) ? best : each), undefined);
    if (!worker || free(worker) <= 0) throw procedureError('UNAVAILABLE', 'the program that served the call went away');
    const callId = Buffer.from(this.#random.bytes(16)).toString('base64url');
    return new Promise<unknown>((resolve, reject) => {
      const onAbort = (): void => {
        worker.events.push({ event: 'cancel', callId });
        settle(() => reject(abortError(signal)));
      };
      const settle = (end: () => void): void => {
        if (!this.#calls.delete(callId)) return;
        worker.running--;
        signal.removeEventListener('abort', onAbort);
        end();
      };
      this.#calls.set(callId, { worker, resolve: (result) => settle(() => resolve(result)), reject: (error) => settle(() => reject(error)) });
      worker.running++;
      worker.events.push({ event: 'call', callId, args: toJsonValue(args), caller, remainingMs: Math.min(remainingMs, 86_400_000) });
      if (signal.aborted) onAbort();
      else onceAborted(signal, onAbort);
    });
  }
}
