import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { RequestEnd, RequestOptions, Session } from '../session/session.js';
import type { FrameType } from '../wire/frame-type.js';
import type { PoolEntry } from './pool-core.js';
import { unsentError } from './pool-errors.js';
import type { PoolRequestOptions } from './pool-types.js';

/** Times a request looks for another connection after one that was gone before it could be written. */
const maxConnections = 3;

/** A session and its place in the pool, held by a caller. */
export interface Held {
  readonly entry: PoolEntry;
  readonly session: Session;
}

/** What a request needs of the pool. Times are Clock.nowMs(). */
export interface PooledRequestOwner {
  nowMs(): number;
  /** As ConnectionPool.acquire; at once where a connection is there. */
  hold(nodeId: NodeId, options: PoolRequestOptions, nowMs: number, deadlineMs: number): Held | Promise<Held>;
  /** The reply came; the entry is held no longer. */
  answered(entry: PoolEntry): void;
  /** There will be no reply; the entry is held no longer. */
  failed(entry: PoolEntry, error: MaculaError): void;
}

export interface PooledRequestParts {
  readonly nodeId: NodeId;
  readonly type: FrameType;
  readonly body: unknown;
  readonly options: PoolRequestOptions;
  readonly deadlineMs: number;
}

/**
 * A request on its way through the pool. The session tells it how it went, so that it costs no promise besides its caller's. It is sent
 * anew where its connection was gone before it could be written, or where it may run twice.
 */
export class PooledRequest implements RequestEnd, RequestOptions {
  readonly signal: AbortSignal | undefined;
  /** What is left for the connection it is sent on now. */
  timeoutMs = 0;
  readonly #owner: PooledRequestOwner;
  readonly #parts: PooledRequestParts;
  readonly #end: RequestEnd;
  #round = 0;
  #mayRepeat: boolean;
  #entry!: PoolEntry;
  #unsent = false;

  /** @param end is told how it went in the end */
  constructor(owner: PooledRequestOwner, parts: PooledRequestParts, end: RequestEnd) {
    this.#owner = owner;
    this.#parts = parts;
    this.#end = end;
    this.#mayRepeat = parts.options.idempotent === true;
    this.signal = parts.options.signal;
  }

  send(nowMs: number): void {
    const { nodeId, options, deadlineMs } = this.#parts;
    this.#round++;
    let held: Held | Promise<Held>;
    try {
      held = this.#owner.hold(nodeId, options, nowMs, deadlineMs);
    } catch (error) {
      return this.#unreached(error);
    }
    if (!(held instanceof Promise)) return this.#sendOn(held, nowMs);
    held.then(
      (connected) => this.#sendOn(connected, this.#owner.nowMs()),
      (error: unknown) => this.#unreached(error),
    );
  }

  resolve(reply: unknown): void {
    this.#owner.answered(this.#entry);
    this.#end.resolve(reply);
  }

  reject(error: MaculaError): void {
    // Not while the session is about to end: by then it has told the pool how.
    queueMicrotask(() => this.#failed(error));
  }

  #failed(error: MaculaError): void {
    this.#owner.failed(this.#entry, error);
    const nowMs = this.#owner.nowMs();
    const again = error.code === 'MACULA_CONNECTION_CLOSED' && this.#round < maxConnections && (this.#unsent || this.#mayRepeat) && nowMs < this.#parts.deadlineMs;
    if (!again) return this.#end.reject(error);
    if (!this.#unsent) this.#mayRepeat = false;
    this.send(nowMs);
  }

  #sendOn({ entry, session }: Held, nowMs: number): void {
    const { type, body, deadlineMs } = this.#parts;
    this.#entry = entry;
    this.#unsent = session.isClosed;
    this.timeoutMs = Math.max(0, deadlineMs - nowMs);
    session.ask(type, body, this, this);
  }

  #unreached(cause: unknown): void {
    const error = MaculaError.from(cause);
    this.#end.reject(this.#round === 1 ? unsentError(error) : error);
  }
}
