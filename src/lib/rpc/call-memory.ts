/** What remembering one call costs besides its result. */
const entryOverheadBytes = 256;

/** A call that is remembered. */
export interface RememberedCall<Running> {
  readonly key: string;
  /** Clock.nowMs() after which nobody can repeat it. */
  readonly deadlineMs: number;
  /** What runs; undefined once it is done. */
  running: Running | undefined;
  /**
   * The reply's body in MessagePack once it is done, a character a byte (latin1): bytes of their own lie outside the heap, which costs
   * more to make and to collect than all else about a call.
   */
  reply: string | undefined;
  /** False once it is forgotten. Asking the map instead costs most where it is large. */
  isKept: boolean;
  /** The calls answered before and after it that are remembered, too. */
  older: RememberedCall<Running> | undefined;
  newer: RememberedCall<Running> | undefined;
}

/**
 * Remembers idempotent calls until their deadlines, so that a repeated one gets the first answer, or joins the one that still
 * runs. Bounded by bytes: the oldest answers go first. Calls that run are not forgotten; what serves them bounds their number.
 */
export class CallMemory<Running> {
  readonly #maxBytes: number;
  readonly #calls = new Map<string, RememberedCall<Running>>();
  // A list of their own, as the front of a map that is deleted from at the front takes ever longer to find.
  #oldest: RememberedCall<Running> | undefined;
  #newest: RememberedCall<Running> | undefined;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#calls.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param key says who calls and which call it is */
  find(key: string, nowMs: number): RememberedCall<Running> | undefined {
    const call = this.#calls.get(key);
    if (!call) return undefined;
    if (call.running !== undefined || call.deadlineMs > nowMs) return call;
    this.forget(call);
    return undefined;
  }

  /** @param key of no call that is remembered */
  begin(key: string, running: Running, deadlineMs: number, nowMs: number): RememberedCall<Running> {
    this.#forgetExpired(nowMs);
    const call: RememberedCall<Running> = { key, deadlineMs, running, reply: undefined, isKept: true, older: undefined, newer: undefined };
    this.#calls.set(key, call);
    return call;
  }

  /** The call is done. @param reply is copied */
  finish(call: RememberedCall<Running>, reply: Uint8Array): void {
    if (!call.isKept) return;
    call.running = undefined;
    call.reply = latin1Of(reply);
    call.older = this.#newest;
    if (this.#newest) this.#newest.newer = call;
    else this.#oldest = call;
    this.#newest = call;
    this.#bytes += reply.length + entryOverheadBytes;
    while (this.#bytes > this.#maxBytes && this.#oldest) this.forget(this.#oldest);
  }

  /** The call leaves no answer: it was cancelled, or its answer cannot be kept. */
  forget(call: RememberedCall<Running>): void {
    if (!call.isKept) return;
    call.isKept = false;
    this.#calls.delete(call.key);
    if (call.reply === undefined) return;
    this.#bytes -= call.reply.length + entryOverheadBytes;
    if (call.older) call.older.newer = call.newer;
    else this.#oldest = call.newer;
    if (call.newer) call.newer.older = call.older;
    else this.#newest = call.older;
  }

  /** From the oldest answer on, as far as they have expired; one with a long deadline holds back those behind it, which the bytes bound. */
  #forgetExpired(nowMs: number): void {
    while (this.#oldest && this.#oldest.deadlineMs <= nowMs) this.forget(this.#oldest);
  }
}

/** The bytes as text, a character a byte. */
export function latin1Of(bytes: Uint8Array): string {
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).toString('latin1');
}
