import { abortError, onceAborted } from '../base/abort.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import { remoteError } from '../wire/error-message.js';
import { encodeFrame, FrameFlag, frameHeaderBytes } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { envelopeBytes } from './frame-stream.js';
import { RequestTableCore } from './request-table-core.js';
import type { RequestEnd, RequestOptions } from './session.js';

interface PendingRequest {
  readonly deadlineMs: number;
  readonly timeoutMs: number;
  readonly end: RequestEnd;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (() => void) | undefined;
}

/** This side did not send a message because it is over the limit. */
export class OversizedMessage extends MaculaError {
  constructor(bytes: number, limitBytes: number) {
    super('MACULA_INVALID_VALUE', `a message of ${bytes} bytes is over the limit of ${limitBytes}`, { details: { bytes, limitBytes }, hint: 'Send it on a stream.' });
  }
}

/** Encodes a message. @throws MaculaError MACULA_INVALID_VALUE when it cannot travel; {@link OversizedMessage} when its payload is over the limit */
export function encodeMessage(type: number, flags: number, body: unknown, limitBytes: number): Uint8Array {
  const frame = encodeFrame(type, flags, body);
  if (frame.length - frameHeaderBytes <= limitBytes) return frame;
  throw new OversizedMessage(frame.length, limitBytes);
}

/** The asking half of a session: every request ends exactly once, by reply, timeout, abort or the session's end. */
export class RequestClient {
  readonly #clock: Clock;
  readonly #write: (frame: Uint8Array) => void;
  readonly #settings: Pick<Settings, 'requestTimeoutMs' | 'maxFrameBytes'>;
  readonly #table = new RequestTableCore<PendingRequest>();
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #onIdle: (() => void) | undefined;
  #lateReplies = 0;

  /** `write` sends on any message stream. */
  constructor(components: { clock: Clock; write: (frame: Uint8Array) => void }, settings: Pick<Settings, 'requestTimeoutMs' | 'maxFrameBytes'>) {
    this.#clock = components.clock;
    this.#write = components.write;
    this.#settings = settings;
  }

  /** Requests waiting for their reply. */
  get pending(): number {
    return this.#table.size;
  }

  /** Replies to requests that had been given up. */
  get lateReplies(): number {
    return this.#lateReplies;
  }

  /**
   * Sends a request; see Session.request.
   * @param write sends on one particular stream instead of any
   */
  request(type: FrameType, body: unknown, options: RequestOptions | undefined, write = this.#write): Promise<unknown> {
    return new Promise((resolve, reject) => this.ask(type, body, options, { resolve, reject }, write));
  }

  /** Sends a request; see Session.ask. @param write as for {@link request} */
  ask(type: FrameType, body: unknown, options: RequestOptions | undefined, end: RequestEnd, write = this.#write): void {
    const signal = options?.signal;
    if (signal?.aborted) return end.reject(abortError(signal));
    const id = this.#table.nextId();
    let frame: Uint8Array;
    try {
      frame = encodeMessage(type, FrameFlag.request, [id, body], this.#settings.maxFrameBytes + envelopeBytes);
    } catch (error) {
      return end.reject(MaculaError.from(error));
    }
    const timeoutMs = options?.timeoutMs ?? this.#settings.requestTimeoutMs;
    const onAbort = signal ? (): void => this.#giveUp(id, abortError(signal)) : undefined;
    if (onAbort) onceAborted(signal!, onAbort);
    const deadlineMs = this.#clock.nowMs() + timeoutMs;
    if (this.#table.add(id, { deadlineMs, timeoutMs, end, signal, onAbort })) this.#arm();
    write(frame);
  }

  /** A reply arrived. @throws MaculaError MACULA_PROTOCOL_VIOLATION when an error reply is malformed */
  reply(type: number, id: number, body: unknown): void {
    const error = type === FrameType.error ? remoteError(body) : undefined;
    const entry = this.#take(id);
    if (!entry) {
      this.#lateReplies++;
      return;
    }
    if (error) entry.end.reject(error);
    else entry.end.resolve(body);
    this.#checkIdle();
  }

  /** Rejects everything that waits. */
  end(error: MaculaError): void {
    this.#timer?.cancel();
    this.#timerAtMs = Infinity;
    for (const entry of this.#table.takeAll()) {
      if (entry.onAbort) entry.signal!.removeEventListener('abort', entry.onAbort);
      entry.end.reject(error);
    }
    this.#checkIdle();
  }

  /** Resolves once nothing waits; requests have deadlines, so it comes to that. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      const previous = this.#onIdle;
      this.#onIdle = () => {
        previous?.();
        resolve();
      };
      this.#checkIdle();
    });
  }

  #take(id: number): PendingRequest | undefined {
    const entry = this.#table.take(id);
    if (entry?.onAbort) entry.signal!.removeEventListener('abort', entry.onAbort);
    return entry;
  }

  #giveUp(id: number, error: MaculaError): void {
    const entry = this.#take(id);
    if (!entry) return;
    this.#write(encodeFrame(FrameType.cancel, FrameFlag.none, [id]));
    entry.end.reject(error);
    this.#checkIdle();
  }

  /** Sets the one timer; one that is set too early merely looks once more. */
  #arm(): void {
    const atMs = this.#table.checkAtMs;
    if (atMs >= this.#timerAtMs) return;
    this.#timer?.cancel();
    this.#timerAtMs = atMs;
    this.#timer = this.#clock.setTimer(atMs - this.#clock.nowMs(), () => this.#expire());
  }

  #expire(): void {
    this.#timerAtMs = Infinity;
    for (const [id, entry] of this.#table.expire(this.#clock.nowMs())) {
      if (entry.onAbort) entry.signal!.removeEventListener('abort', entry.onAbort);
      this.#write(encodeFrame(FrameType.cancel, FrameFlag.none, [id]));
      entry.end.reject(new MaculaError('MACULA_TIMED_OUT', `the peer did not answer within ${entry.timeoutMs} ms`, { details: { timeoutMs: entry.timeoutMs } }));
    }
    if (this.#table.checkAtMs !== Infinity) this.#arm();
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (!this.#onIdle || this.#table.size > 0) return;
    const onIdle = this.#onIdle;
    this.#onIdle = undefined;
    onIdle();
  }
}
