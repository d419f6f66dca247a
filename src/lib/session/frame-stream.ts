import { MaculaError } from '../base/errors.js';
import type { StreamHandler, TransportStream } from '../transport/endpoint.js';
import { frameHeaderBytes, FrameReader } from '../wire/frame.js';

/** Room for what wraps the largest message in a frame: correlation id, names, addresses. */
export const envelopeBytes = 1024;

/**
 * Largest first frame of every stream but HELLO's. A peer can open a thousand streams, and the node keeps what has
 * come of each first frame.
 */
export const maxFirstFrameBytes = 16 * 1024;

/** Who takes what a stream of frames delivers: HELLO first, the session after admission. */
export interface FrameStreamOwner {
  /** Something arrived. */
  heard(): void;
  /** The payload is only valid during the call. */
  frame(type: number, flags: number, payload: Uint8Array, stream: FrameStream): void;
  /** The peer broke the rules of frames, or ended or reset a stream that lives as long as the connection. */
  violation(error: MaculaError): void;
  drained(): void;
  streamClosed(stream: FrameStream): void;
}

/** A stream read as frames; it can turn into a stream of its own after its first frame. */
export class FrameStream implements StreamHandler {
  owner: FrameStreamOwner;
  /** Carries messages for as long as the connection lives. */
  carriesMessages = false;
  /** Called when the stream is gone. */
  onClosed: (() => void) | undefined;
  readonly stream: TransportStream;
  readonly #reader: FrameReader;
  #taken: StreamHandler | undefined;
  readonly #onFrame = (type: number, flags: number, payload: Uint8Array): void => {
    if (!this.#taken) this.owner.frame(type, flags, payload, this);
  };

  /** @param open makes or hands over the transport stream whose handler this is */
  constructor(owner: FrameStreamOwner, maxFrameBytes: number, open: (handler: StreamHandler) => TransportStream) {
    this.owner = owner;
    this.#reader = new FrameReader(maxFrameBytes + envelopeBytes);
    this.stream = open(this);
  }

  /** Gives all that follows the present frame, and every later event, to another handler. */
  handOver(handler: StreamHandler): void {
    this.#taken = handler;
    this.#reader.stop();
  }

  onData(chunk: Uint8Array): void {
    this.owner.heard();
    if (this.#taken) return this.#taken.onData(chunk);
    let used: number;
    try {
      used = this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      if (error instanceof MaculaError && error.code === 'MACULA_PROTOCOL_VIOLATION') return this.owner.violation(error);
      throw error;
    }
    // The frame just read may have handed the stream over.
    const taken = this.#taken as StreamHandler | undefined;
    if (!this.carriesMessages && !taken && this.#reader.pendingBytes > frameHeaderBytes + maxFirstFrameBytes) this.owner.violation(firstFrameError());
    if (taken && used < chunk.length) taken.onData(chunk.subarray(used));
  }

  onEnd(): void {
    if (this.#taken) this.#taken.onEnd();
    else this.#endedEarly('ended');
  }

  onReset(code: number): void {
    if (this.#taken) this.#taken.onReset(code);
    else this.#endedEarly('reset');
  }

  onStopped(code: number): void {
    if (this.#taken) this.#taken.onStopped(code);
    else if (this.carriesMessages) this.#endedEarly('refused');
  }

  onDrain(): void {
    if (this.#taken) this.#taken.onDrain();
    else this.owner.drained();
  }

  onClose(): void {
    this.owner.streamClosed(this);
    this.onClosed?.();
    this.#taken?.onClose();
  }

  #endedEarly(what: string): void {
    if (this.carriesMessages) return this.owner.violation(new MaculaError('MACULA_PROTOCOL_VIOLATION', `a message stream was ${what} by the peer`));
    // A stream given up before it said what it carries harms nobody.
    this.stream.stopSending(0);
    this.stream.reset(0);
  }
}

/** What is wrong with a stream that begins with too large a frame. */
export function firstFrameError(): MaculaError {
  return new MaculaError('MACULA_PROTOCOL_VIOLATION', `the first frame of a stream is over ${maxFirstFrameBytes} bytes`);
}
