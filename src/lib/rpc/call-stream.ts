import { abortError } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { StreamCode } from '../session/session-reader.js';
import { remoteError } from '../wire/error-message.js';
import { FrameType } from '../wire/frame-type.js';
import { decodeBody } from '../wire/message-pack.js';
import { readReply } from '../wire/rpc-messages.js';
import type { BudgetShare } from './byte-budget.js';
import { failureOf } from './call-errors.js';
import { StreamChannel, type ChannelOwner } from './stream-channel.js';
import { statusOf, type RpcStatusName } from './status.js';
import { ValueQueue } from './value-queue.js';

export interface StreamOptions {
  /** Call this node; where absent, any that provides the procedure. */
  readonly node?: NodeId;
  /** Milliseconds until the whole stream must be over; no limit where absent. Until it is accepted, the setting rpcTimeoutMs holds besides. */
  readonly timeoutMs?: number;
  /** Opening it twice does no harm: another provider is asked also where the first may have begun and did not say so. */
  readonly idempotent?: boolean;
  /** Aborting it cancels the stream, as {@link CallStream.cancel} does. */
  readonly signal?: AbortSignal;
}

/** How a stream went. */
export interface StreamOutcome {
  readonly status: RpcStatusName;
  /** Why it failed; undefined where the status is OK. */
  readonly error: MaculaError | undefined;
  /** Values that came. */
  readonly received: number;
  /** Values sent. */
  readonly sent: number;
  /** Since it was accepted. */
  readonly durationMs: number;
}

/**
 * A call under way that streams: values can be written, results are iterated over, for one reader. Leaving the iteration early
 * cancels the call. Results wait until they are read, and the provider waits with them.
 */
export interface CallStream<Result = unknown> extends AsyncIterable<Result> {
  /** Who accepted it. */
  readonly provider: NodeId;
  /** Providers tried, this one included. */
  readonly attempts: number;
  /** How it went, once all results have come, or none can come; never rejects. */
  readonly finished: Promise<StreamOutcome>;
  /** Bytes written and not sent yet. */
  readonly bufferedBytes: number;
  /**
   * Sends a value, up to 1 MiB; resolves when the next one may be sent. Resolves with false where the procedure takes no more:
   * it has returned, or left its input.
   * @throws MaculaError MACULA_INVALID_VALUE, MACULA_VALUE_TOO_LARGE, and what the stream failed with
   */
  write(value: unknown): Promise<boolean>;
  /** No more values are written; results go on coming. Idempotent. */
  end(): void;
  /** Ends it at once: the procedure's signal aborts, and what reads or writes here fails as MACULA_ABORTED. */
  cancel(reason?: string): void;
}

export interface OpenedCallParts {
  readonly clock: Clock;
  readonly share: BudgetShare;
  readonly maxValueBytes: number;
  readonly procedure: string;
  readonly signal: AbortSignal | undefined;
  /** Clock.nowMs() at which it must be over; Infinity: never. */
  readonly deadlineMs: number;
}

/** The caller's end of a stream, from before it is accepted. */
export class OpenedCall implements CallStream, ChannelOwner {
  readonly channel: StreamChannel;
  readonly finished: Promise<StreamOutcome>;
  /** Settles when the provider has accepted or refused. */
  readonly accepted: Promise<void>;
  provider!: NodeId;
  attempts = 1;
  readonly #parts: OpenedCallParts;
  readonly #results: ValueQueue;
  readonly #counts = { received: 0, sent: 0 };
  #resolveFinished!: (outcome: StreamOutcome) => void;
  #settleAccepted!: { resolve: () => void; reject: (error: MaculaError) => void };
  #isAccepted = false;
  #isEnded = false;
  #startMs = 0;
  #error: MaculaError | undefined;
  #isOver = false;
  #timer: { cancel(): void } | undefined;
  readonly #onAbort = (): void => this.#fail(abortError(this.#parts.signal!), true);

  constructor(parts: OpenedCallParts) {
    this.#parts = parts;
    this.finished = new Promise((resolve) => (this.#resolveFinished = resolve));
    this.accepted = new Promise((resolve, reject) => (this.#settleAccepted = { resolve, reject }));
    this.accepted.catch(() => undefined);
    this.channel = new StreamChannel(this, { from: 'provider', mode: 'values', maxValueBytes: parts.maxValueBytes }, parts.share);
    this.#results = new ValueQueue({ taken: () => this.channel.account(), left: () => this.cancel('the caller wants no more results') });
  }

  get unreadBytes(): number {
    return this.#results.bytes;
  }

  get bufferedBytes(): number {
    return this.channel.bufferedBytes;
  }

  async write(value: unknown): Promise<boolean> {
    if (this.#error) throw this.#error;
    if (this.#isEnded) throw new MaculaError('MACULA_INVALID_VALUE', 'a value was written after the end', { hint: 'Write before end().' });
    if (this.#isOver || this.channel.isStopped) return false;
    const room = this.channel.send(FrameType.streamValue, value, this.#parts.maxValueBytes);
    this.#counts.sent++;
    if (room) await room;
    if (this.#error) throw this.#error;
    return !this.#isOver && !this.channel.isStopped;
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.channel.endOutput();
  }

  cancel(reason = 'the caller cancelled the call'): void {
    this.#fail(new MaculaError('MACULA_ABORTED', reason), true);
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.#results;
  }

  /** Fails it from outside, before it is accepted. */
  giveUp(error: MaculaError): void {
    this.#fail(error, true);
  }

  frame(type: FrameType, payload: Uint8Array): void {
    const body = decodeBody(payload);
    switch (type) {
      case FrameType.streamAccepted:
        return this.#accept();
      case FrameType.streamValue:
        this.#counts.received++;
        return this.#results.push(body, payload.length);
      case FrameType.error:
        return this.#fail(remoteError(body), false);
      default: {
        const end = readReply(body);
        if (end.ok) this.#finish(undefined);
        else this.#fail(failureOf(end), false);
      }
    }
  }

  ended(): void {
    // The last frame has said how it ended.
  }

  stopped(code: number): void {
    // What was written is not taken any more; results may still come.
    if (code === StreamCode.failed) this.#fail(gaveUpError(), true);
  }

  broken(error: MaculaError): void {
    this.#fail(error.code === 'MACULA_ABORTED' ? gaveUpError() : error, error.code === 'MACULA_OVERLOADED');
  }

  #accept(): void {
    const { clock, signal, deadlineMs } = this.#parts;
    this.#isAccepted = true;
    this.#startMs = clock.nowMs();
    if (deadlineMs !== Infinity) this.#timer = clock.setTimer(Math.max(0, deadlineMs - this.#startMs), () => this.#fail(this.#lateError(), true));
    if (signal?.aborted) return this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#settleAccepted.resolve();
  }

  /** @param atOnce whether results that were not read are gone */
  #fail(error: MaculaError, atOnce: boolean): void {
    if (this.#isOver) return;
    if (!this.#isAccepted) {
      this.#error = error;
      this.#settleAccepted.reject(error);
    } else {
      const { provider, attempts } = this;
      // It began, whatever ended it.
      const about = { procedure: this.#parts.procedure, status: statusOf(error), executed: 'yes', attempts, provider };
      this.#error = new MaculaError(error.code, error.message, { hint: error.hint, details: { ...error.details, ...about }, cause: error });
    }
    if (atOnce) this.#results.fail(this.#error);
    else this.#results.endWith(this.#error);
    this.#finish(this.#error);
  }

  #finish(error: MaculaError | undefined): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    this.#results.end();
    const outOfTurn = error !== undefined && (error.code === 'MACULA_ABORTED' || error.code === 'MACULA_TIMED_OUT');
    if (outOfTurn) this.channel.abandon();
    else this.channel.finish(error !== undefined);
    this.#resolveFinished({ status: error ? statusOf(error) : 'OK', error, ...this.#counts, durationMs: this.#isAccepted ? this.#parts.clock.nowMs() - this.#startMs : 0 });
  }

  #lateError(): MaculaError {
    return new MaculaError('MACULA_TIMED_OUT', 'the deadline of the stream has passed');
  }
}

function gaveUpError(): MaculaError {
  return new MaculaError('MACULA_REMOTE_ERROR', 'the provider gave up the stream');
}
