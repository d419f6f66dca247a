/** A running FNV-1a hash (32 bits, twice with other offsets) over all messages: equal runs have equal hashes. */
export class TraceHash {
  readonly #bytes = new DataView(new ArrayBuffer(8));
  #low = 0x811c9dc5;
  #high = 0x050c5d1f;
  count = 0;

  add(atMs: number, from: number, to: number, kind: number): void {
    this.count++;
    this.#bytes.setFloat64(0, atMs);
    for (const word of [this.#bytes.getUint32(0), this.#bytes.getUint32(4), from, to, kind]) {
      this.#low = Math.imul(this.#low ^ word, 0x01000193) >>> 0;
      this.#high = Math.imul(this.#high ^ ((word << 7) | (word >>> 25)), 0x01000193) >>> 0;
    }
  }

  get hex(): string {
    return this.#low.toString(16).padStart(8, '0') + this.#high.toString(16).padStart(8, '0');
  }
}
