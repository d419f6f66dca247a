import { addExtension, Packr, type Options } from 'msgpackr';
import { MaculaError } from '../base/errors.js';
import { messagePackProblem } from './message-pack-scan.js';

/** `pack` option of msgpackr: leave as many bytes free in front as its low byte says. */
const reserveStartSpace = 2048;

// The published type of the options lacks 'auto': number where exact, bigint beyond.
const options = {
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  copyBuffers: true,
  int64AsType: 'auto',
} as unknown as Options;

const packr = new Packr(options);

/** Typed arrays that are not bytes: msgpackr would announce all their bytes and write one an element. */
class WideTypedArray {
  static [Symbol.hasInstance](value: unknown): boolean {
    return ArrayBuffer.isView(value) && !(value instanceof Uint8Array);
  }
}

addExtension({
  Class: WideTypedArray,
  type: 1,
  pack: () => {
    throw new TypeError('typed arrays other than Uint8Array have no place in a message');
  },
});

/**
 * The value as MessagePack. Undefined and functions become nil, sets arrays, other objects what their toJSON gives
 * or their own fields; integers beyond 32 bits travel as float 64, bigints as 64-bit integers.
 * @throws MaculaError MACULA_INVALID_VALUE for what a peer would have to refuse or could not read: dates, typed
 * arrays other than Uint8Array, circular or too deep data, keys that are no strings, a key `__proto__`
 */
export function encodeBody(value: unknown): Uint8Array {
  return encodeBodyAfter(0, value);
}

/**
 * As {@link encodeBody}, with `gapBytes` (at most 255) of undefined content in front, so that a header goes
 * before it without a copy.
 */
export function encodeBodyAfter(gapBytes: number, value: unknown): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = packr.pack(value, reserveStartSpace | gapBytes);
  } catch (cause) {
    throw new MaculaError('MACULA_INVALID_VALUE', 'this value cannot be carried in a message', { cause });
  }
  const problem = messagePackProblem(bytes, gapBytes);
  if (problem !== undefined) throw new MaculaError('MACULA_INVALID_VALUE', `this value cannot be carried in a message: ${problem}`);
  return bytes;
}

/** @throws MaculaError MACULA_PROTOCOL_VIOLATION unless {@link messagePackProblem} finds nothing */
export function checkMessagePack(bytes: Uint8Array): void {
  const problem = messagePackProblem(bytes);
  if (problem !== undefined) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', `malformed message: ${problem}`, { details: { bytes: bytes.length } });
}

/**
 * The value of a received MessagePack body, checked first. Maps become plain objects, binary becomes
 * Uint8Array, 64-bit integers become bigint only beyond 2^53. Nothing in the result shares memory with the
 * input, so it may outlive a receive buffer.
 * @throws MaculaError MACULA_PROTOCOL_VIOLATION
 */
export function decodeBody(bytes: Uint8Array): unknown {
  checkMessagePack(bytes);
  // Binary values come out as the class of the input: always Buffer, whichever way the bytes came.
  return packr.unpack(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)) as unknown;
}
