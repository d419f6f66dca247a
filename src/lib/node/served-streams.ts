import { abortError } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { RpcAnswerLine, RpcAnswerStreamEvent } from '../control/protocol-rpc.js';
import type { CallContext } from '../rpc/procedure.js';
import { isStatusName, procedureError } from '../rpc/status.js';
import { fromJsonValue, toJsonValue } from './json-value.js';

/** A call that streams, handed to a program at the control socket: its results come in as lines, its input goes out as events. */
export class HandedStream {
  readonly #context: CallContext;
  readonly #attached: Promise<AsyncIterator<RpcAnswerLine>>;
  #attach!: (lines: AsyncIterator<RpcAnswerLine>) => void;
  /** Rejects when nobody wants the results any more, or nobody makes them. */
  readonly #broken: Promise<never>;
  #break!: (error: MaculaError) => void;
  readonly #over: Promise<'ok' | 'failed' | 'cancelled'>;
  #end!: (outcome: 'ok' | 'failed' | 'cancelled') => void;
  #isAttached = false;

  constructor(context: CallContext) {
    this.#context = context;
    this.#attached = new Promise((resolve) => (this.#attach = resolve));
    this.#broken = new Promise((_, reject) => (this.#break = reject));
    this.#broken.catch(() => undefined);
    this.#over = new Promise((resolve) => (this.#end = resolve));
  }

  /** The program that serves it is gone, or does not serve it. */
  fail(error: MaculaError): void {
    this.#break(error);
  }

  /** The results, each taken from the program only when the caller takes it. @throws MaculaError as the program says, and what the call was cancelled with */
  async *results(): AsyncGenerator<unknown, void, void> {
    const { signal } = this.#context;
    const onAbort = (): void => this.#break(abortError(signal));
    let outcome: 'ok' | 'failed' | 'cancelled' = 'failed';
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      const lines = await Promise.race([this.#attached, this.#broken]);
      for (;;) {
        const { done, value: line } = await Promise.race([lines.next().catch(goneAway), this.#broken]);
        if (done) break;
        if (line.error) throw procedureError(isStatusName(line.error.status) && line.error.status !== 'OK' ? line.error.status : 'UNKNOWN', line.error.message, line.error.details);
        yield fromJsonValue(line.value ?? null);
      }
      outcome = 'ok';
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#end(signal.aborted ? 'cancelled' : outcome);
    }
  }

  /** The program answers: `lines` are its results, what it gets back is the input of the call. Only the first one serves it. */
  async *serve(lines: AsyncIterable<RpcAnswerLine>): AsyncGenerator<RpcAnswerStreamEvent, void, void> {
    if (this.#isAttached) return yield { event: 'end', outcome: 'cancelled' };
    this.#isAttached = true;
    this.#attach(lines[Symbol.asyncIterator]());
    yield { event: 'attached' };
    const input = this.#context.input[Symbol.asyncIterator]();
    const over = this.#over.then(() => undefined);
    try {
      for (;;) {
        // The input of a call that was cancelled ends with an error, which `over` tells of, too.
        const next = await Promise.race([input.next().catch(() => undefined), over]);
        if (next === undefined) break;
        if (next.done) {
          yield { event: 'input-end' };
          break;
        }
        yield { event: 'input', value: toJsonValue(next.value) };
      }
      yield { event: 'end', outcome: await this.#over };
    } finally {
      // Where the program went away in the middle; afterwards it changes nothing.
      this.#break(goneError());
    }
  }
}

/** What a call fails with whose program is gone. */
export function goneError(): MaculaError {
  return procedureError('UNAVAILABLE', 'the program that served the call went away');
}

function goneAway(error: unknown): never {
  // A line that is wrong is the program's own fault; everything else is the end of its connection.
  if (error instanceof MaculaError && (error.code === 'MACULA_USAGE' || error.code === 'MACULA_VALUE_TOO_LARGE')) throw procedureError('INTERNAL', `the program that served the call: ${error.message}`);
  throw goneError();
}
