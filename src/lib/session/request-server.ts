import { MaculaError } from '../base/errors.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import { TokenBucket } from '../base/token-bucket.js';
import type { Settings } from '../config/schema.js';
import { errorBody } from '../wire/error-message.js';
import { encodeFrame, FrameFlag } from '../wire/frame.js';
import { FrameType } from '../wire/frame-type.js';
import { envelopeBytes } from './frame-stream.js';
import type { HandlerRegistry, RequestEntry } from './handler-registry.js';
import { encodeMessage, OversizedMessage } from './request-client.js';
import type { RequestContext, Session } from './session.js';

/** Load of a whole node, shared by all its sessions. */
export interface ServingLoad {
  /** Requests whose handlers have not finished. */
  serving: number;
  /** Those of them whose answer somebody still waits for. */
  awaited: number;
  /** No new work is taken: the node is shutting down. */
  draining: boolean;
  /** Called each time `awaited` falls to 0. */
  onIdle: () => void;
}

/** A request being served; allocates its AbortController only for a handler that asks for the signal. */
class ServedRequest implements RequestContext {
  readonly session: Session;
  #controller: AbortController | undefined;
  #cancelled: MaculaError | undefined;

  constructor(session: Session) {
    this.session = session;
  }

  get isCancelled(): boolean {
    return this.#cancelled !== undefined;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#cancelled) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  cancel(error: MaculaError): void {
    this.#cancelled ??= error;
    this.#controller?.abort(this.#cancelled);
  }
}

/** When to come back where too much is under way: most requests are over by then. */
const crowdedRetryMs = 100;

export type ServingSettings = Pick<Settings, 'maxRequestsPerPeer' | 'maxRequests' | 'requestRatePerPeer' | 'maxFrameBytes'>;

/** The answering half of a session: limits, handlers, error answers, cancellation by the caller. */
export class RequestServer {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #registry: HandlerRegistry;
  readonly #load: ServingLoad;
  readonly #write: (frame: Uint8Array) => void;
  readonly #settings: ServingSettings;
  readonly #bucket: TokenBucket;
  readonly #served = new Map<number, ServedRequest>();
  #streams = 0;
  #ended = false;

  /** `write` sends a finished reply. */
  constructor(
    components: { session: Session; clock: Clock; logger: Logger; registry: HandlerRegistry; load: ServingLoad; write: (frame: Uint8Array) => void },
    settings: ServingSettings,
  ) {
    this.#session = components.session;
    this.#clock = components.clock;
    this.#logger = components.logger;
    this.#registry = components.registry;
    this.#load = components.load;
    this.#write = components.write;
    this.#settings = settings;
    this.#bucket = new TokenBucket(settings.requestRatePerPeer, settings.requestRatePerPeer);
  }

  /** Requests whose handlers have not finished, and streams of their own that the peer opened. */
  get serving(): number {
    return this.#served.size + this.#streams;
  }

  /** Takes a stream of its own under the limits of requests. Returns what to call when it is gone; undefined where it is one too many. */
  beginStream(): (() => void) | undefined {
    if (this.#refusal()) return undefined;
    this.#streams++;
    this.#load.serving++;
    this.#load.awaited++;
    return () => {
      this.#streams--;
      this.#load.serving--;
      this.#load.awaited--;
      this.#checkIdle();
    };
  }

  /** Whether the peer's rate allows one more message. */
  withinRate(): boolean {
    return this.#bucket.take(this.#clock.nowMs());
  }

  /** Serves one request. @throws MaculaError MACULA_PROTOCOL_VIOLATION when the id is in use or the handler throws it at once */
  serve(type: number, id: number, body: unknown): void {
    if (this.#served.has(id)) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'a request with a correlation id that is in use');
    const refusal = this.#refusal();
    if (refusal) return this.#fail(id, refusal);
    const entry = this.#registry.request(type);
    if (!entry) return this.#fail(id, new MaculaError('MACULA_NOT_FOUND', `this node does not serve requests of type ${type}`));
    const served = new ServedRequest(this.#session);
    let result: unknown;
    try {
      result = entry.handler(body, served);
    } catch (error) {
      // A handler that finds the body malformed says so before it does anything else.
      if (error instanceof MaculaError && error.code === 'MACULA_PROTOCOL_VIOLATION') throw error;
      return this.#fail(id, error);
    }
    if (!isThenable(result)) return this.#reply(entry, id, result, served);
    this.#begin(id, served);
    result.then(
      (value) => {
        if (this.#finish(id, served)) this.#reply(entry, id, value, served);
      },
      (error: unknown) => {
        if (this.#finish(id, served)) this.#fail(id, error);
      },
    );
  }

  /** The caller does not want the answer any more. */
  cancel(id: number): void {
    const served = this.#served.get(id);
    if (served) this.#cancel(served, new MaculaError('MACULA_ABORTED', 'the caller cancelled the request'));
  }

  /** The session is over: aborts every handler's signal; nothing more is answered. */
  end(error: MaculaError): void {
    this.#ended = true;
    for (const served of [...this.#served.values()]) this.#cancel(served, error);
  }

  #cancel(served: ServedRequest, error: MaculaError): void {
    if (served.isCancelled) return;
    served.cancel(error);
    this.#load.awaited--;
    this.#checkIdle();
  }

  #refusal(): MaculaError | undefined {
    const { maxRequestsPerPeer, maxRequests, requestRatePerPeer } = this.#settings;
    if (this.#load.draining) return new MaculaError('MACULA_OVERLOADED', 'the node is shutting down');
    if (!this.withinRate()) return overloaded('requestRatePerPeer', requestRatePerPeer, 'rate limited', this.#bucket.waitMs(this.#clock.nowMs()));
    if (this.serving >= maxRequestsPerPeer) return overloaded('maxRequestsPerPeer', maxRequestsPerPeer, 'too many requests of this peer at once');
    if (this.#load.serving >= maxRequests) return overloaded('maxRequests', maxRequests, 'too many requests at once');
    return undefined;
  }

  #begin(id: number, served: ServedRequest): void {
    this.#served.set(id, served);
    this.#load.serving++;
    this.#load.awaited++;
  }

  /** Whether the answer is still wanted. */
  #finish(id: number, served: ServedRequest): boolean {
    this.#served.delete(id);
    this.#load.serving--;
    if (served.isCancelled) return false;
    this.#load.awaited--;
    // The answer is written first, so that whoever waits for idleness finds it in the buffers.
    queueMicrotask(() => this.#checkIdle());
    return true;
  }

  #checkIdle(): void {
    if (this.#load.awaited === 0) this.#load.onIdle();
  }

  #reply(entry: RequestEntry, id: number, body: unknown, context: RequestContext): void {
    if (this.#ended) return;
    let frame: Uint8Array;
    try {
      frame = this.#encode(entry.replyType, [id, body]);
    } catch (error) {
      if (error instanceof OversizedMessage && entry.onOversized) return this.#replyInstead(entry, id, body, context);
      return this.#fail(id, error);
    }
    this.#write(frame);
  }

  #replyInstead({ replyType, onOversized }: RequestEntry, id: number, body: unknown, context: RequestContext): void {
    let frame: Uint8Array;
    try {
      frame = this.#encode(replyType, [id, onOversized!(body, context)]);
    } catch (error) {
      return this.#fail(id, error);
    }
    this.#write(frame);
  }

  #encode(type: FrameType, body: unknown): Uint8Array {
    return encodeMessage(type, FrameFlag.reply, body, this.#settings.maxFrameBytes + envelopeBytes);
  }

  #fail(id: number, error: unknown): void {
    if (!this.#ended) this.#write(encodeFrame(FrameType.error, FrameFlag.reply, [id, errorBody(this.#publicError(error))]));
  }

  /** What the caller may know of an error: those of the catalogue travel, bugs do not. */
  #publicError(error: unknown): MaculaError {
    if (error instanceof MaculaError && error.code !== 'MACULA_UNEXPECTED') return error;
    this.#logger.error('a request handler failed', { error: error instanceof Error ? error.stack : String(error), peer: this.#session.nodeId });
    return new MaculaError('MACULA_REMOTE_ERROR', 'the request failed at the peer for a reason of its own');
  }
}

function overloaded(limit: string, value: number, message: string, retryAfterMs = crowdedRetryMs): MaculaError {
  return new MaculaError('MACULA_OVERLOADED', message, { details: { limit, value, retryAfterMs } });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
