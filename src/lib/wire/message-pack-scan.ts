import { isUtf8 } from 'node:buffer';

/** Deepest nesting of arrays and maps in a message: far beyond honest data, far below any stack. */
export const maxMessageDepth = 32;

/** Maps up to this size have their keys compared pairwise; a set costs less beyond it. */
const pairwiseKeys = 8;

const Kind = { refused: 0, fixed: 1, text: 2, binary: 3, array: 4, map: 5 } as const;

/** Kind and size of what follows the type bytes 0xc0 to 0xdf: bytes of the value, or of its length. */
const types: readonly (readonly [kind: number, size: number])[] = [
  [Kind.fixed, 0], [Kind.refused, 0], [Kind.fixed, 0], [Kind.fixed, 0],
  [Kind.binary, 1], [Kind.binary, 2], [Kind.binary, 4],
  [Kind.refused, 0], [Kind.refused, 0], [Kind.refused, 0],
  [Kind.fixed, 4], [Kind.fixed, 8],
  [Kind.fixed, 1], [Kind.fixed, 2], [Kind.fixed, 4], [Kind.fixed, 8],
  [Kind.fixed, 1], [Kind.fixed, 2], [Kind.fixed, 4], [Kind.fixed, 8],
  [Kind.refused, 0], [Kind.refused, 0], [Kind.refused, 0], [Kind.refused, 0], [Kind.refused, 0],
  [Kind.text, 1], [Kind.text, 2], [Kind.text, 4],
  [Kind.array, 2], [Kind.array, 4], [Kind.map, 2], [Kind.map, 4],
];
const kinds = Uint8Array.from(types, ([kind]) => kind);
const sizes = Uint8Array.from(types, ([, size]) => size);

const protoKey = Buffer.from('__proto__');

/** One pass over a MessagePack value without building anything. Reused: one scan at a time. */
class MessagePackScan {
  #bytes: Uint8Array = new Uint8Array(0);
  #position = 0;
  #end = 0;
  #depth = 0;
  /** Values still to come, per open container; keys count as values. */
  readonly #left = new Int32Array(maxMessageDepth + 1);
  readonly #isMap = new Uint8Array(maxMessageDepth + 1);
  /** Where the keys of each open small map begin in the key table; -1 for large maps. */
  readonly #keyBase = new Int32Array(maxMessageDepth + 1);
  readonly #keySets: (Set<string> | undefined)[] = [];
  readonly #keyStarts = new Int32Array(pairwiseKeys * maxMessageDepth);
  readonly #keyEnds = new Int32Array(pairwiseKeys * maxMessageDepth);
  #keyCount = 0;

  /** Why the bytes from `start` on are not exactly one acceptable value, or undefined when they are. */
  run(bytes: Uint8Array, start: number): string | undefined {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = bytes.length;
    this.#depth = 0;
    this.#keyCount = 0;
    this.#left[0] = 1;
    this.#isMap[0] = 0;
    let problem: string | undefined;
    while (problem === undefined && this.#leaveFinished()) problem = this.#value();
    this.#bytes = protoKey;
    if (problem === undefined && this.#position !== this.#end) return 'bytes after the end of the value';
    return problem;
  }

  /** Steps out of containers that are complete. Returns whether another value must follow. */
  #leaveFinished(): boolean {
    while (this.#left[this.#depth] === 0) {
      if (this.#depth === 0) return false;
      if (this.#isMap[this.#depth] === 1) this.#leaveMap();
      this.#depth -= 1;
    }
    return true;
  }

  #leaveMap(): void {
    const base = this.#keyBase[this.#depth]!;
    if (base >= 0) this.#keyCount = base;
    else this.#keySets[this.#depth] = undefined;
  }

  #value(): string | undefined {
    if (this.#position >= this.#end) return 'truncated value';
    const type = this.#bytes[this.#position++]!;
    const left = this.#left[this.#depth]!;
    this.#left[this.#depth] = left - 1;
    const isKey = this.#isMap[this.#depth] === 1 && (left & 1) === 0;
    if (type >= 0xa0 && type < 0xc0) return this.#text(type & 0x1f, isKey);
    if (isKey && (type < 0xd9 || type > 0xdb)) return 'map key that is not a string';
    if (type < 0x80 || type >= 0xe0) return undefined;
    if (type < 0x90) return this.#enterMap(type & 0x0f);
    if (type < 0xa0) return this.#enter(type & 0x0f);
    return this.#sized(type, isKey);
  }

  #sized(type: number, isKey: boolean): string | undefined {
    const kind = kinds[type - 0xc0]!;
    const size = sizes[type - 0xc0]!;
    if (kind === Kind.refused) return type === 0xc1 ? 'unused type byte 0xc1' : 'extension type';
    if (size > this.#end - this.#position) return 'truncated value';
    if (kind === Kind.fixed) {
      this.#position += size;
      return undefined;
    }
    const length = this.#length(size);
    if (kind === Kind.text) return this.#text(length, isKey);
    if (kind === Kind.array) return this.#enter(length);
    if (kind === Kind.map) return this.#enterMap(length);
    if (length > this.#end - this.#position) return 'truncated value';
    this.#position += length;
    return undefined;
  }

  #length(size: number): number {
    let length = 0;
    for (let index = 0; index < size; index += 1) length = length * 256 + this.#bytes[this.#position++]!;
    return length;
  }

  #text(length: number, isKey: boolean): string | undefined {
    const start = this.#position;
    const end = start + length;
    if (end > this.#end) return 'truncated value';
    this.#position = end;
    if (!this.#isText(start, end)) return 'string that is not valid UTF-8';
    return isKey ? this.#key(start, end) : undefined;
  }

  /** Short text is mostly ASCII, where a loop beats a native call. */
  #isText(start: number, end: number): boolean {
    const bytes = this.#bytes;
    const shortEnd = Math.min(end, start + 48);
    let index = start;
    while (index < shortEnd && bytes[index]! < 0x80) index += 1;
    return index === end || isUtf8(bytes.subarray(start, end));
  }

  #enter(count: number): string | undefined {
    if (count > this.#end - this.#position) return 'array longer than the bytes present';
    if (this.#depth === maxMessageDepth) return `nesting deeper than ${maxMessageDepth}`;
    this.#depth += 1;
    this.#left[this.#depth] = count;
    this.#isMap[this.#depth] = 0;
    return undefined;
  }

  #enterMap(count: number): string | undefined {
    if (count * 2 > this.#end - this.#position) return 'map larger than the bytes present';
    if (this.#depth === maxMessageDepth) return `nesting deeper than ${maxMessageDepth}`;
    this.#depth += 1;
    this.#left[this.#depth] = count * 2;
    this.#isMap[this.#depth] = 1;
    this.#keyBase[this.#depth] = count <= pairwiseKeys ? this.#keyCount : -1;
    if (count > pairwiseKeys) this.#keySets[this.#depth] = new Set();
    return undefined;
  }

  #key(start: number, end: number): string | undefined {
    if (end - start === protoKey.length && this.#equals(start, protoKey, 0, protoKey.length)) return 'map key __proto__';
    const base = this.#keyBase[this.#depth]!;
    if (base < 0) return this.#keyInSet(this.#keySets[this.#depth]!, start, end);
    for (let index = base; index < this.#keyCount; index += 1) {
      const otherStart = this.#keyStarts[index]!;
      const length = this.#keyEnds[index]! - otherStart;
      if (length === end - start && this.#equals(start, this.#bytes, otherStart, length)) return 'map with a duplicate key';
    }
    this.#keyStarts[this.#keyCount] = start;
    this.#keyEnds[this.#keyCount] = end;
    this.#keyCount += 1;
    return undefined;
  }

  #keyInSet(keys: Set<string>, start: number, end: number): string | undefined {
    const bytes = this.#bytes;
    const key = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    if (keys.has(key)) return 'map with a duplicate key';
    keys.add(key);
    return undefined;
  }

  #equals(start: number, other: Uint8Array, otherStart: number, length: number): boolean {
    for (let index = 0; index < length; index += 1) {
      if (this.#bytes[start + index] !== other[otherStart + index]) return false;
    }
    return true;
  }
}

const scan = new MessagePackScan();

/**
 * Why the bytes from `start` on may not be decoded, or undefined when they are exactly one MessagePack value
 * within Macula's profile: nesting at most {@link maxMessageDepth}, no extension types, string keys without
 * duplicates and without `__proto__`, valid UTF-8, sizes within the bytes present. Linear in the bytes,
 * without recursion.
 */
export function messagePackProblem(bytes: Uint8Array, start = 0): string | undefined {
  return scan.run(bytes, start);
}
