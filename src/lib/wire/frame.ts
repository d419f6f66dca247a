import { MaculaError } from '../base/errors.js';
import { encodeBodyAfter } from './message-pack.js';

/** Version byte of every frame. */
export const frameVersion = 1;

/** Bytes of the frame header. */
export const frameHeaderBytes = 8;

/** Bits of the flags byte; all others must be zero. */
export const FrameFlag = {
  none: 0,
  /** The payload is `[correlation id, body]` and an answer is expected. */
  request: 1,
  /** The payload is `[correlation id, body]` and answers the request with that id. */
  reply: 2,
} as const;

const lastKnownFlags = 2;

/**
 * One frame, header and MessagePack payload in one piece of memory that the caller owns.
 * @param flags one of {@link FrameFlag}
 * @throws MaculaError MACULA_INVALID_VALUE when the body cannot travel
 */
export function encodeFrame(type: number, flags: number, body: unknown): Uint8Array {
  const frame = encodeBodyAfter(frameHeaderBytes, body);
  const payloadBytes = frame.length - frameHeaderBytes;
  frame[0] = frameVersion;
  frame[1] = type;
  frame[2] = flags;
  frame[3] = 0;
  frame[4] = payloadBytes >>> 24;
  frame[5] = payloadBytes >>> 16;
  frame[6] = payloadBytes >>> 8;
  frame[7] = payloadBytes;
  return frame;
}

/** Whether a reader refused a frame for nothing but its size. */
export function isOversizedFrame({ details }: MaculaError): boolean {
  const { version, flags, reserved, payloadBytes, maxFrameBytes } = details;
  return version === frameVersion && reserved === 0 && (flags as number) <= lastKnownFlags && (payloadBytes as number) > (maxFrameBytes as number);
}

/** Receives a frame. The payload's memory is only valid during the call. */
export type FrameListener = (type: number, flags: number, payload: Uint8Array) => void;

/** A buffer kept between frames is no larger than this: many idle streams must not hold much memory. */
const keptBufferBytes = 16 * 1024;

/** Shared by all readers that hold nothing, as most do. */
const noBytes = new Uint8Array(0);

/**
 * Cuts the chunks of one stream into frames. A frame that lies whole in a chunk is handed on without a copy;
 * otherwise its bytes are gathered in a buffer that grows with what has arrived, never with what is announced.
 */
export class FrameReader {
  readonly #maxFrameBytes: number;
  #buffer: Uint8Array<ArrayBuffer> = noBytes;
  #filled = 0;
  #stopped = false;
  #violation: MaculaError | undefined;

  /** @param maxFrameBytes largest payload accepted */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes of an unfinished frame held back until the rest arrives. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /**
   * Calls the listener for each frame the chunk completes, in order. Types are not judged.
   * @returns bytes of the chunk used: all, or fewer after {@link stop}
   * @throws MaculaError MACULA_PROTOCOL_VIOLATION for a bad header, and again on every later call
   */
  push(chunk: Uint8Array, onFrame: FrameListener): number {
    if (this.#violation) throw this.#violation;
    let offset = 0;
    if (this.#filled > 0) offset = this.#continueFrame(chunk, onFrame);
    while (!this.#stopped && chunk.length - offset >= frameHeaderBytes) {
      const end = offset + frameHeaderBytes + this.#checkHeader(chunk, offset);
      if (end > chunk.length) break;
      const start = offset;
      offset = end;
      onFrame(chunk[start + 1]!, chunk[start + 2]!, chunk.subarray(start + frameHeaderBytes, end));
    }
    if (this.#stopped) return offset;
    if (offset < chunk.length) this.#keep(chunk, offset, chunk.length);
    return chunk.length;
  }

  /** Ends reading after the frame being delivered: what follows on the stream is not frames. */
  stop(): void {
    this.#stopped = true;
  }

  /** Completes the frame begun in earlier chunks, as far as this one goes. Returns the bytes used. */
  #continueFrame(chunk: Uint8Array, onFrame: FrameListener): number {
    let used = 0;
    if (this.#filled < frameHeaderBytes) {
      used = Math.min(frameHeaderBytes - this.#filled, chunk.length);
      this.#keep(chunk, 0, used);
      if (this.#filled < frameHeaderBytes) return used;
    }
    const frameBytes = frameHeaderBytes + this.#checkHeader(this.#buffer, 0);
    const missing = Math.min(frameBytes - this.#filled, chunk.length - used);
    this.#keep(chunk, used, used + missing);
    used += missing;
    if (this.#filled < frameBytes) return used;
    const frame = this.#buffer.subarray(0, frameBytes);
    this.#filled = 0;
    if (this.#buffer.length > keptBufferBytes) this.#buffer = noBytes;
    onFrame(frame[1]!, frame[2]!, frame.subarray(frameHeaderBytes));
    return used;
  }

  #keep(chunk: Uint8Array, start: number, end: number): void {
    const needed = this.#filled + end - start;
    if (needed > this.#buffer.length) {
      const limit = frameHeaderBytes + this.#maxFrameBytes;
      const grown = new Uint8Array(Math.max(needed, Math.min(limit, Math.max(256, this.#buffer.length * 2))));
      grown.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk.subarray(start, end), this.#filled);
    this.#filled = needed;
  }

  /** The payload length the header announces. */
  #checkHeader(bytes: Uint8Array, at: number): number {
    const payloadBytes = bytes[at + 4]! * 0x1000000 + (bytes[at + 5]! << 16) + (bytes[at + 6]! << 8) + bytes[at + 7]!;
    if (bytes[at] === frameVersion && bytes[at + 2]! <= lastKnownFlags && bytes[at + 3] === 0 && payloadBytes <= this.#maxFrameBytes) {
      return payloadBytes;
    }
    this.#violation = this.#describeViolation(bytes.subarray(at, at + frameHeaderBytes), payloadBytes);
    this.#buffer = noBytes;
    throw this.#violation;
  }

  #describeViolation(header: Uint8Array, payloadBytes: number): MaculaError {
    const [version, type, flags, reserved] = header;
    const details = { version, type, flags, reserved, payloadBytes, maxFrameBytes: this.#maxFrameBytes };
    let reason = `frame of ${payloadBytes} bytes is over the limit of ${this.#maxFrameBytes}`;
    if (version !== frameVersion) reason = `unknown frame version ${version}`;
    else if (flags! > lastKnownFlags) reason = `unknown frame flags ${flags}`;
    else if (reserved !== 0) reason = `reserved byte of a frame is ${reserved}, not 0`;
    return new MaculaError('MACULA_PROTOCOL_VIOLATION', reason, { details });
  }
}
