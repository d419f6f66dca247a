/** Values handed from one side to the other, in order; whoever reads waits for the next one. For one reader. */
export class AsyncQueue<Value> implements AsyncIterable<Value> {
  #values: Value[] = [];
  #wake: (() => void) | undefined;
  #end: { readonly error?: unknown } | undefined;
  readonly #onTaken: (() => void) | undefined;

  /** @param onTaken called when the reader has taken a value */
  constructor(onTaken?: () => void) {
    this.#onTaken = onTaken;
  }

  /** Values not read yet. */
  get length(): number {
    return this.#values.length;
  }

  /** Ignored after the end. */
  push(value: Value): void {
    if (this.#end) return;
    this.#values.push(value);
    this.#wake?.();
  }

  /** No more comes; what is there can still be read. */
  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  /** The reader gets this error at once, in place of what it has not read. */
  fail(error: unknown): void {
    if (this.#end) return;
    this.#values = [];
    this.#end = { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, void> {
    for (;;) {
      while (this.#values.length > 0) {
        const value = this.#values.shift()!;
        this.#onTaken?.();
        yield value;
      }
      if (this.#end) {
        if ('error' in this.#end) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }
}
