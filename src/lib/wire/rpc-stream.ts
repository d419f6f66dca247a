import { MaculaError } from '../base/errors.js';
import { bytesOf, integerOf, malformed, textOf, tupleOf } from './fields.js';
import { FrameFlag, FrameReader, isOversizedFrame } from './frame.js';
import { FrameType } from './frame-type.js';
import { callIdBytes, heldTokenBytes, maxProcedureBytes, maxRemainingMs, wholeMs } from './rpc-messages.js';

/** Purpose of the streams that carry one call each. */
export const callPurpose = 'rpc';

/** Purpose of the streams on which an answer too large for a message is fetched; the header is `[token]`. */
export const fetchPurpose = 'rpc-reply';

/** Header of a stream that fetches an answer. */
export function fetchHeader(token: Uint8Array): unknown {
  return [token];
}

/** Reads that header. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readFetchHeader(header: unknown): Uint8Array {
  const what = 'stream that fetches an answer';
  return bytesOf(what, 'token', tupleOf(what, header, 1)[0], heldTokenBytes);
}

/** What comes back on the stream of a call: one answer, or any number of values. */
export type CallMode = 'answer' | 'values';

/** Header of a stream that carries a call. */
export interface CallStreamOpen {
  readonly mode: CallMode;
  readonly procedure: string;
  /** Whole milliseconds the caller still waits; undefined: as long as it takes. */
  readonly remainingMs: number | undefined;
  /** Present where the call is idempotent. */
  readonly callId: Uint8Array | undefined;
  /** Payload bytes of the frame with the arguments, which comes first. */
  readonly argumentBytes: number;
}

const modes: readonly CallMode[] = ['answer', 'values'];

/** Header of a stream that carries a call. */
export function callStreamHeader({ mode, procedure, remainingMs, callId, argumentBytes }: CallStreamOpen): unknown {
  return [modes.indexOf(mode), procedure, remainingMs === undefined ? null : wholeMs(remainingMs), callId ?? null, argumentBytes];
}

/** Reads that header. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readCallStreamHeader(header: unknown): CallStreamOpen {
  const [mode, procedure, remainingMs, callId, argumentBytes] = tupleOf('stream of a call', header, 5);
  const what = 'stream of a call';
  const read: CallStreamOpen = {
    mode: modes[integerOf(what, 'mode', mode, 0, 1)]!,
    procedure: textOf(what, 'procedure', procedure, maxProcedureBytes, 1),
    remainingMs: remainingMs === null ? undefined : integerOf(what, 'remaining time', remainingMs, 1, maxRemainingMs),
    callId: callId === null ? undefined : bytesOf(what, 'call id', callId, callIdBytes),
    argumentBytes: integerOf(what, 'bytes of arguments', argumentBytes, 1, 0xffff_ffff),
  };
  if (read.mode === 'answer' && read.remainingMs === undefined) throw malformed(what, 'a call for one answer has a deadline');
  return read;
}

/** Which side of a call's stream the bytes come from, and how much it may send. */
export type StreamSide =
  | { readonly from: 'caller'; readonly mode: CallMode; readonly argumentBytes: number; readonly maxValueBytes: number }
  | { readonly from: 'provider'; readonly mode: 'values'; readonly maxValueBytes: number }
  | { readonly from: 'provider'; readonly mode: 'answer'; readonly maxAnswerBytes: number };

type Frame = (type: FrameType, payload: Uint8Array) => void;

/**
 * Where one direction of a call's stream stands. `begin`: nothing came; `values`: values may follow; `over`: nothing may follow
 * but the end of the stream.
 */
type Phase = 'begin' | 'values' | 'over';

/**
 * Cuts one direction of a call's stream into frames, whatever chunks it comes in, and holds it to its order: from the caller
 * ARGUMENTS VALUE*, from the provider ACCEPTED VALUE* (END | ERROR) or ERROR alone, and for one answer REPLY or ERROR.
 * Holds no more than one frame, and of that only what has come.
 */
export class CallStreamReader {
  readonly #side: StreamSide;
  readonly #frames: FrameReader;
  #phase: Phase = 'begin';

  constructor(side: StreamSide) {
    this.#side = side;
    this.#frames = new FrameReader(maxPayloadBytes(side));
  }

  /** Bytes of an unfinished frame held back until the rest arrives. */
  get pendingBytes(): number {
    return this.#frames.pendingBytes;
  }

  /** Whether all that belongs to this direction has come; a caller may end it at any time after its arguments. */
  get isComplete(): boolean {
    return this.#phase === 'over' || (this.#phase === 'values' && this.#side.from === 'caller');
  }

  /**
   * Calls the listener with each frame the chunk completes. A payload is valid only during the call.
   * @throws MaculaError MACULA_PROTOCOL_VIOLATION; MACULA_VALUE_TOO_LARGE where an answer is larger than this side takes
   */
  push(chunk: Uint8Array, onFrame: Frame): void {
    try {
      this.#frames.push(chunk, (type, flags, payload) => {
        if (flags !== FrameFlag.none) throw violation('a frame with flags on the stream of a call');
        this.#check(type, payload.length);
        onFrame(type as FrameType, payload);
      });
    } catch (error) {
      if (this.#side.mode === 'answer' && this.#side.from === 'provider' && error instanceof MaculaError && isOversizedFrame(error)) throw tooLargeAnswer(error, this.#side.maxAnswerBytes);
      throw error;
    }
  }

  /** The sender ended its side. @throws MaculaError MACULA_PROTOCOL_VIOLATION where something is missing */
  end(): void {
    if (!this.isComplete || this.pendingBytes > 0) throw violation('the stream of a call ended too early');
  }

  #check(type: number, bytes: number): void {
    const next = this.#phase === 'over' ? undefined : this.#next(type, bytes);
    if (next === undefined) throw violation(`a frame of type ${type} has no place here on the stream of a call`);
    this.#phase = next;
  }

  #next(type: number, bytes: number): Phase | undefined {
    const side = this.#side;
    if (this.#phase === 'values' && type === FrameType.streamValue) {
      if (side.mode === 'values' && bytes > side.maxValueBytes) throw violation(`a value of ${bytes} bytes on the stream of a call`);
      return 'values';
    }
    if (side.from === 'caller') {
      if (this.#phase !== 'begin' || type !== FrameType.streamArguments) return undefined;
      if (bytes !== side.argumentBytes) throw violation('arguments of another size than was announced');
      return side.mode === 'values' ? 'values' : 'over';
    }
    if (type === FrameType.error) return 'over';
    if (side.mode === 'answer') return type === FrameType.reply ? 'over' : undefined;
    if (this.#phase === 'begin') return type === FrameType.streamAccepted ? 'values' : undefined;
    return type === FrameType.streamEnd ? 'over' : undefined;
  }
}

function maxPayloadBytes(side: StreamSide): number {
  if (side.from === 'caller') return side.mode === 'answer' ? side.argumentBytes : Math.max(side.argumentBytes, side.maxValueBytes);
  return side.mode === 'answer' ? side.maxAnswerBytes : side.maxValueBytes;
}

function tooLargeAnswer({ details }: MaculaError, limitBytes: number): MaculaError {
  return new MaculaError('MACULA_VALUE_TOO_LARGE', `an answer of ${String(details['payloadBytes'])} bytes is over the limit of ${limitBytes}`, { details: { bytes: details['payloadBytes'], limitBytes, setting: 'rpcMaxBodyBytes' } });
}

function violation(reason: string): MaculaError {
  return new MaculaError('MACULA_PROTOCOL_VIOLATION', reason);
}
