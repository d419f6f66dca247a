/** What keeping one value costs besides its bytes. */
const valueOverheadBytes = 64;

interface Queued {
  readonly value: unknown;
  readonly bytes: number;
}

interface Waiting {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** What the owner of a queue is told. */
export interface QueueOwner {
  /** Values were taken: `bytes` of the queue has fallen. */
  taken(): void;
  /** Whoever read them wants no more. */
  left(): void;
}

const done: IteratorResult<unknown, undefined> = { done: true, value: undefined };

/** Values that came on a stream and wait for their reader, in order. For one reader; counts the bytes they hold. */
export class ValueQueue implements AsyncIterableIterator<unknown> {
  readonly #owner: QueueOwner;
  #values: Queued[] = [];
  #head = 0;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #end: { readonly error: unknown } | 'ended' | undefined;

  constructor(owner: QueueOwner) {
    this.#owner = owner;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing more can be pushed. */
  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  /** @param bytes what the value took on the wire */
  push(value: unknown, bytes: number): void {
    if (this.#end) return;
    const waiting = this.#waiting.shift();
    if (waiting) return waiting.resolve({ done: false, value });
    this.#values.push({ value, bytes: bytes + valueOverheadBytes });
    this.#bytes += bytes + valueOverheadBytes;
  }

  /** No more comes; what is there can still be read. */
  end(): void {
    this.#finish('ended');
  }

  /** The reader gets this error after what is there. */
  endWith(error: unknown): void {
    this.#finish({ error });
  }

  /** The reader gets this error at once; what it has not read is gone. */
  fail(error: unknown): void {
    this.#clear();
    this.#finish({ error });
  }

  async next(): Promise<IteratorResult<unknown, undefined>> {
    const first = this.#values[this.#head];
    if (first) {
      this.#values[this.#head++] = undefined as never;
      this.#bytes -= first.bytes;
      if (this.#head === this.#values.length) this.#clear();
      else if (this.#head >= 1024) {
        this.#values = this.#values.slice(this.#head);
        this.#head = 0;
      }
      this.#owner.taken();
      return { done: false, value: first.value };
    }
    if (this.#end === undefined) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    if (this.#end === 'ended') return done;
    throw this.#end.error;
  }

  /** The reader leaves. */
  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.#clear();
    this.#finish('ended');
    this.#owner.left();
    return done;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #clear(): void {
    this.#values = [];
    this.#head = 0;
    this.#bytes = 0;
  }

  #finish(end: { readonly error: unknown } | 'ended'): void {
    if (this.#end) return;
    this.#end = end;
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (end === 'ended') resolve(done);
      else reject(end.error);
    }
  }
}
