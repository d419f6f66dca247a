import { onceAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { RequestTableCore } from '../session/request-table-core.js';
import type { CallContext } from './procedure.js';
import { noInput } from './stream-results.js';

/** Where a call's cancellation comes from; the signal may be made when it is first asked for. */
export interface CancelSource {
  readonly signal: AbortSignal;
}

interface Watched {
  readonly deadlineMs: number;
  readonly run: CallRun;
}

/** Deadlines of the calls being served, under one timer. Only calls whose handlers look at their signal are in here. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #table = new RequestTableCore<Watched>();
  #timer: { cancel(): void } | undefined;
  #timerAtMs = Infinity;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#table.size;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  watch(run: CallRun, deadlineMs: number): number {
    const id = this.#table.nextId();
    if (this.#table.add(id, { deadlineMs, run })) this.#arm();
    return id;
  }

  unwatch(id: number): void {
    this.#table.take(id);
    if (this.#table.size > 0 || this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#timerAtMs = Infinity;
  }

  #arm(): void {
    const atMs = this.#table.checkAtMs;
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimer(atMs - this.#clock.nowMs(), () => {
      this.#timer = undefined;
      this.#timerAtMs = Infinity;
      for (const [, { run }] of this.#table.expire(this.#clock.nowMs())) run.cancel(new MaculaError('MACULA_TIMED_OUT', 'the deadline of the call has passed'));
      if (this.#table.size > 0) this.#arm();
    });
  }
}

/** A call being served. Its signal, and what watches for it, come to be only when the handler asks for the signal. */
export class CallRun implements CallContext {
  readonly procedure: string;
  readonly caller: NodeId;
  readonly input: AsyncIterable<unknown>;
  readonly #deadlines: Deadlines;
  readonly #deadlineMs: number;
  readonly #source: CancelSource;
  #controller: AbortController | undefined;
  #watchId: number | undefined;
  #cancelled: MaculaError | undefined;
  #ended = false;
  #onAbort: (() => void) | undefined;

  /**
   * @param call `deadlineMs`: Clock.nowMs() at which the caller stops waiting; Infinity: never
   * @param input what the caller streams
   */
  constructor(deadlines: Deadlines, source: CancelSource, call: { procedure: string; caller: NodeId; deadlineMs: number }, input: AsyncIterable<unknown> = noInput) {
    this.#deadlines = deadlines;
    this.#source = source;
    this.procedure = call.procedure;
    this.caller = call.caller;
    this.input = input;
    this.#deadlineMs = call.deadlineMs;
  }

  /** Why it was cancelled, as far as somebody watched. */
  get cancelled(): MaculaError | undefined {
    return this.#cancelled;
  }

  get remainingMs(): number {
    return Math.max(0, this.#deadlineMs - this.#deadlines.nowMs());
  }

  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal;
    this.#controller = new AbortController();
    if (this.#cancelled) this.#controller.abort(this.#cancelled);
    else if (!this.#ended) this.#watch();
    return this.#controller.signal;
  }

  cancel(error: MaculaError): void {
    if (this.#ended || this.#cancelled) return;
    this.#cancelled = error;
    this.#unwatch();
    this.#controller?.abort(error);
  }

  /** The handler is done. */
  end(): void {
    this.#ended = true;
    this.#unwatch();
  }

  #watch(): void {
    const { signal } = this.#source;
    const onAbort = (): void => this.cancel(MaculaError.from(signal.reason));
    if (signal.aborted) return onAbort();
    this.#onAbort = onAbort;
    onceAborted(signal, onAbort);
    if (this.#deadlineMs !== Infinity) this.#watchId = this.#deadlines.watch(this, this.#deadlineMs);
  }

  #unwatch(): void {
    if (!this.#onAbort) return;
    this.#source.signal.removeEventListener('abort', this.#onAbort);
    this.#onAbort = undefined;
    if (this.#watchId !== undefined) this.#deadlines.unwatch(this.#watchId);
    this.#watchId = undefined;
  }
}
