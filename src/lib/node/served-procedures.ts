import { abortError, onceAborted } from '../base/abort.js';
import { AsyncQueue } from '../base/async-queue.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { RpcAnswerInput, RpcAnswerLine, RpcAnswerStreamEvent, RpcServeEvent, RpcServeInput } from '../control/protocol-rpc.js';
import type { CallContext } from '../rpc/procedure.js';
import { isStatusName, procedureError } from '../rpc/status.js';
import { fromJsonValue, toJsonValue } from './json-value.js';
import type { NodeRpc } from './node-rpc.js';
import { goneError, HandedStream } from './served-streams.js';

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
  /** Procedures whose results stream. */
  readonly #streaming = new Set<string>();
  readonly #streams = new Map<string, { readonly worker: Worker; readonly stream: HandedStream }>();

  constructor(components: { rpc: Pick<NodeRpc, 'register' | 'unregister'>; random: RandomSource }) {
    this.#rpc = components.rpc;
    this.#random = components.random;
  }

  /** Calls handed out and not answered yet. */
  get pending(): number {
    return this.#calls.size + this.#streams.size;
  }

  /**
   * Hands over calls until the signal aborts; then what was handed over here and not answered fails as UNAVAILABLE.
   * @throws MaculaError MACULA_ALREADY_SERVED, MACULA_INVALID_VALUE, MACULA_OVERLOADED
   */
  async *serve({ procedure, concurrency, allow, stream }: RpcServeInput, signal: AbortSignal): AsyncGenerator<RpcServeEvent, void, void> {
    const worker: Worker = { concurrency, events: new AsyncQueue(), running: 0 };
    const onAbort = (): void => worker.events.end();
    onceAborted(signal, onAbort);
    try {
      await this.#join(procedure, worker, stream, allow);
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
    const streamed = this.#streams.get(callId);
    if (streamed && error) streamed.stream.fail(failureOf(error));
    if (streamed) return error !== undefined;
    const call = this.#calls.get(callId);
    if (!call) return false;
    if (!error) call.resolve(fromJsonValue(result ?? null));
    else call.reject(failureOf(error));
    return true;
  }

  /** Answers a call that streams, line by line; what comes back is its input. */
  async *answerStream(callId: string, lines: AsyncIterable<RpcAnswerLine>): AsyncGenerator<RpcAnswerStreamEvent, void, void> {
    const handed = this.#streams.get(callId);
    if (handed) yield* handed.stream.serve(lines);
    else yield { event: 'end', outcome: 'cancelled' };
  }

  async #join(procedure: string, worker: Worker, stream: boolean, allow: readonly string[] | undefined): Promise<void> {
    const workers = this.#workers.get(procedure);
    if (workers) {
      if (stream !== this.#streaming.has(procedure)) throw new MaculaError('MACULA_ALREADY_SERVED', `this node serves ${JSON.stringify(procedure)} already, and ${stream ? 'not' : 'only'} as a stream`, { details: { procedure } });
      return void workers.add(worker);
    }
    const first = new Set([worker]);
    this.#workers.set(procedure, first);
    if (stream) this.#streaming.add(procedure);
    try {
      const places = (): number => [...first].reduce((sum, each) => sum + each.concurrency, 0);
      const hand = stream ? (args: unknown, context: CallContext) => this.#handStream(first, args, context) : (args: unknown, context: CallContext) => this.#hand(first, args, context);
      await this.#rpc.register(procedure, hand, { concurrency: places, ...(allow === undefined ? {} : { allow }) });
    } catch (error) {
      this.#workers.delete(procedure);
      this.#streaming.delete(procedure);
      throw error;
    }
  }

  async #leave(procedure: string, worker: Worker): Promise<void> {
    for (const call of [...this.#calls.values()]) if (call.worker === worker) call.reject(goneError());
    for (const { stream, worker: other } of [...this.#streams.values()]) if (other === worker) stream.fail(goneError());
    const workers = this.#workers.get(procedure);
    if (!workers?.delete(worker) || workers.size > 0) return;
    this.#workers.delete(procedure);
    this.#streaming.delete(procedure);
    await this.#rpc.unregister(procedure);
  }

  /** Results come from the program that attaches to the call. A generator: it begins when the caller is sure to stream. */
  async *#handStream(workers: ReadonlySet<Worker>, args: unknown, context: CallContext): AsyncGenerator<unknown, void, void> {
    const worker = freest(workers);
    const callId = this.#newId();
    const stream = new HandedStream(context);
    this.#streams.set(callId, { worker, stream });
    worker.running++;
    const remainingMs = context.remainingMs === Infinity ? null : Math.min(context.remainingMs, 86_400_000);
    worker.events.push({ event: 'call', callId, args: toJsonValue(args), caller: context.caller, remainingMs });
    try {
      yield* stream.results();
    } finally {
      if (context.signal.aborted) worker.events.push({ event: 'cancel', callId });
      worker.running--;
      this.#streams.delete(callId);
    }
  }

  #newId(): string {
    return Buffer.from(this.#random.bytes(16)).toString('base64url');
  }

  #hand(workers: ReadonlySet<Worker>, args: unknown, { caller, signal, remainingMs }: CallContext): Promise<unknown> {
    const worker = freest(workers);
    const callId = this.#newId();
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

/** The worker with the largest share of its places free. */
function freest(workers: ReadonlySet<Worker>): Worker {
  const free = (worker: Worker): number => 1 - worker.running / worker.concurrency;
  const worker = [...workers].reduce<Worker | undefined>((best, each) => (best && free(best) >= free(each) ? best : each), undefined);
  if (!worker || free(worker) <= 0) throw goneError();
  return worker;
}

function failureOf({ status, message, details }: NonNullable<RpcAnswerInput['error']>): MaculaError {
  return procedureError(isStatusName(status) && status !== 'OK' ? status : 'UNKNOWN', message, details);
}
