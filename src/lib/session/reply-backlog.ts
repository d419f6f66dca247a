import type { MessageStreams } from './message-streams.js';

/** Multiples of a unit at which a peer that does not read its replies is held back. */
const deferAbove = 8;
const pauseAbove = 16;
const giveUpAbove = 64;

/** The unit: the largest message, and so much that beyond the first bound some stream is sure to announce that it drained. */
const smallestUnitBytes = 1024 * 1024;
/** What keeping one request costs besides its payload. */
const keptOverheadBytes = 128;

interface DeferredRequest {
  readonly type: number;
  readonly payload: Uint8Array;
}

/**
 * Bounds what a peer that asks and does not read can make this node hold. While its unread replies are beyond a
 * bound its requests are kept unserved; when those grow beyond theirs, its streams are not read any more. Replies
 * to our own requests go on being read meanwhile, so two nodes that flood each other cannot wait for each other.
 */
export class ReplyBacklog {
  readonly #streams: MessageStreams;
  readonly #unitBytes: number;
  #replyBytes = 0;
  #deferred: DeferredRequest[] = [];
  #deferredBytes = 0;
  #paused = false;

  constructor(streams: MessageStreams, maxFrameBytes: number) {
    this.#streams = streams;
    this.#unitBytes = Math.max(maxFrameBytes, smallestUnitBytes);
  }

  /** Whether requests are being held back. */
  get isDeferring(): boolean {
    return this.#deferred.length > 0 || this.#above(deferAbove);
  }

  /** Whether the peer left so much unread that it is not worth a connection. */
  get isHopeless(): boolean {
    return this.#above(giveUpAbove);
  }

  /** A reply of that size was written. */
  wrote(bytes: number): void {
    this.#replyBytes += bytes;
  }

  /** Keeps a request for later; copies it, since the payload is only lent. */
  defer(type: number, payload: Uint8Array): void {
    this.#deferred.push({ type, payload: payload.slice() });
    this.#deferredBytes += payload.length + keptOverheadBytes;
    if (this.#paused || this.#deferredBytes <= pauseAbove * this.#unitBytes) return;
    this.#paused = true;
    this.#streams.pause();
  }

  /** The next request to serve now, if there is one and the peer has read enough. */
  next(): DeferredRequest | undefined {
    if (this.#deferred.length === 0 || this.#above(deferAbove)) return undefined;
    const request = this.#deferred.shift()!;
    this.#deferredBytes -= request.payload.length + keptOverheadBytes;
    return request;
  }

  /** To be called after a round of {@link next}. */
  settle(): void {
    if (!this.#paused || this.#deferredBytes > (pauseAbove / 2) * this.#unitBytes) return;
    this.#paused = false;
    this.#streams.resume();
  }

  clear(): void {
    this.#deferred = [];
    this.#deferredBytes = 0;
  }

  #above(units: number): boolean {
    if (this.#replyBytes <= units * this.#unitBytes) return false;
    // Only what is still buffered counts; summing it up is left until the plain count looks too large.
    this.#replyBytes = Math.min(this.#replyBytes, this.#streams.bufferedBytes);
    return this.#replyBytes > units * this.#unitBytes;
  }
}
