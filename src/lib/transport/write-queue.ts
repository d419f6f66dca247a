/** Chunks up to this size are joined before they are handed on; copying them costs less than a native call each. */
const joinBytes = 64 * 1024;

/** One for all queues: peek() is used up before the next call. */
const joined = Buffer.allocUnsafe(joinBytes);

/** Stands for a chunk that is used up, so that its memory can go. */
const nothing = new Uint8Array(0);

/** Bytes waiting to be sent, first in first out. */
export class WriteQueue {
  #chunks: Uint8Array[] = [];
  /** Index of the first chunk that is not used up. */
  #head = 0;
  /** Bytes of that chunk already taken. */
  #offset = 0;
  #bytes = 0;

  /** Bytes in the queue. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds bytes; the array belongs to the queue from now on. */
  push(data: Uint8Array): void {
    if (data.length === 0) return;
    this.#chunks.push(data);
    this.#bytes += data.length;
  }

  /** The next bytes in one piece, at least one where there are any. Valid until the next call on any queue. */
  peek(): Uint8Array {
    const first = this.#chunks[this.#head];
    if (!first) return joined.subarray(0, 0);
    const rest = this.#offset === 0 ? first : first.subarray(this.#offset);
    if (this.#head + 1 === this.#chunks.length || rest.length >= joinBytes / 2) return rest;
    let length = 0;
    for (let index = this.#head; index < this.#chunks.length && length < joinBytes; index += 1) {
      const chunk = index === this.#head ? rest : this.#chunks[index]!;
      const part = Math.min(chunk.length, joinBytes - length);
      joined.set(part === chunk.length ? chunk : chunk.subarray(0, part), length);
      length += part;
    }
    return joined.subarray(0, length);
  }

  /** Removes `bytes` from the front. */
  take(bytes: number): void {
    this.#bytes -= bytes;
    if (this.#bytes === 0) return this.clear();
    let left = bytes + this.#offset;
    while (left >= this.#chunks[this.#head]!.length) {
      left -= this.#chunks[this.#head]!.length;
      this.#chunks[this.#head] = nothing;
      this.#head += 1;
    }
    this.#offset = left;
    if (this.#head < 256) return;
    this.#chunks = this.#chunks.slice(this.#head);
    this.#head = 0;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#head = 0;
    this.#offset = 0;
    this.#bytes = 0;
  }
}
