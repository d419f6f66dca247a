import { MaculaError } from '../base/errors.js';
import { StreamCode } from '../session/session-reader.js';
import { encodeFrame, FrameFlag, frameHeaderBytes } from '../wire/frame.js';
import type { FrameType } from '../wire/frame-type.js';
import { CallStreamReader, type StreamSide } from '../wire/rpc-stream.js';
import type { BudgetShare } from './byte-budget.js';
import type { ByteStream, ByteStreamHandler, StreamPeer } from './ports.js';

/** Values that wait for their reader beyond this stop the sender, which has a stream window in flight besides. */
const pauseAboveBytes = 256 * 1024;
/** Below this it goes on, so that the reader does not run dry. */
const resumeBelowBytes = 64 * 1024;

/** What is written and not sent yet is accounted for in steps of this, as every value is written by itself. */
const accountStepBytes = 64 * 1024;

/** What the two sides of a call make of what comes on its stream. */
export interface ChannelOwner {
  /** Bytes of values that came and were not taken yet. */
  readonly unreadBytes: number;
  /** A frame in its place. The payload is valid only during the call. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
  frame(type: FrameType, payload: Uint8Array): void;
  /** The other side has said all it had to say. */
  ended(): void;
  /** The other side takes nothing more; what it sends may go on. */
  stopped(code: number): void;
  /** The stream is of no more use: reset, lost, malformed, or more than may be held. Called once, and not after {@link StreamChannel.close}. */
  broken(error: MaculaError): void;
}

/** The stream of one call, at either end: frames with flow control both ways. */
export class StreamChannel implements ByteStreamHandler {
  readonly #owner: ChannelOwner;
  readonly #reader: CallStreamReader;
  readonly #share: BudgetShare;
  #stream: ByteStream | undefined;
  #peer: StreamPeer | undefined;
  #drained: (() => void)[] = [];
  /** Written and not sent yet, as far as it is accounted for. */
  #outBytes = 0;
  #isFull = false;
  #isStopped = false;
  #isPaused = false;
  #isInputOver = false;
  #isClosed = false;

  constructor(owner: ChannelOwner, side: StreamSide, share: BudgetShare) {
    this.#owner = owner;
    this.#reader = new CallStreamReader(side);
    this.#share = share;
  }

  attach(stream: ByteStream, peer: StreamPeer): void {
    this.#stream = stream;
    this.#peer = peer;
  }

  /** Whether nothing can be sent or received any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the other side refuses more. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  get bufferedBytes(): number {
    return this.#stream?.bufferedBytes ?? 0;
  }

  /**
   * Queues a frame.
   * @param maxBytes most bytes of its payload
   * @returns resolves when more may be sent; undefined: at once. The promise resolves, too, when the channel closes or the other side takes no more.
   * @throws MaculaError MACULA_INVALID_VALUE, MACULA_VALUE_TOO_LARGE, MACULA_OVERLOADED
   */
  send(type: FrameType, body: unknown, maxBytes = Infinity): Promise<void> | undefined {
    const frame = encodeFrame(type, FrameFlag.none, body);
    const bytes = frame.length - frameHeaderBytes;
    if (bytes > maxBytes) throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a value of ${bytes} bytes is over the limit of ${maxBytes}`, { details: { bytes, limitBytes: maxBytes } });
    return this.sendFrame(frame);
  }

  /** As {@link send}, for a frame that is encoded. @throws MaculaError MACULA_OVERLOADED where more than may be waits to be sent */
  sendFrame(frame: Uint8Array): Promise<void> | undefined {
    if (this.#isClosed || this.#isStopped) return undefined;
    if (!this.#stream!.write(frame)) this.#isFull = true;
    if (this.#stream!.bufferedBytes >= this.#outBytes + accountStepBytes) this.#account();
    return this.#isFull ? new Promise((resolve) => this.#drained.push(resolve)) : undefined;
  }

  /** Ends this side; the other may go on. */
  endOutput(): void {
    this.#stream?.end();
  }

  /** Values were taken: what is held has changed. */
  account(): void {
    this.#guard(() => this.#account());
  }

  /** @throws MaculaError MACULA_OVERLOADED where more is held than may be */
  #account(): void {
    const { unreadBytes } = this.#owner;
    this.#outBytes = this.#stream?.bufferedBytes ?? 0;
    this.#share.set(this.#outBytes + (this.#isClosed ? 0 : this.#reader.pendingBytes + unreadBytes));
    if (this.#isClosed) return;
    if (!this.#isPaused && unreadBytes > pauseAboveBytes) {
      this.#isPaused = true;
      this.#stream?.pause();
    } else if (this.#isPaused && unreadBytes <= resumeBelowBytes) {
      this.#isPaused = false;
      this.#stream?.resume();
    }
  }

  /**
   * Everything was said: ends this side.
   * @param mayCome whether the other side may have more to send, which it is told not to
   */
  finish(mayCome: boolean): void {
    if (this.#isClosed) return;
    this.#stream?.end();
    if (mayCome && !this.#isInputOver) this.#stream?.stopSending(StreamCode.normal);
    this.#close();
  }

  /** Gives up both sides at once; what is queued does not go out. */
  abandon(code: number = StreamCode.normal): void {
    if (this.#isClosed) return;
    if (this.#stream) giveUp(this.#stream, code);
    this.#close();
  }

  onData(chunk: Uint8Array): void {
    // Only what came after its end gets here.
    if (this.#isClosed) return this.#stream?.stopSending(StreamCode.normal);
    this.#guard(() => {
      this.#reader.push(chunk, (type, payload) => {
        if (!this.#isClosed) this.#owner.frame(type, payload);
      });
      this.#account();
    });
  }

  onEnd(): void {
    this.#isInputOver = true;
    if (this.#isClosed) return;
    this.#guard(() => {
      this.#reader.end();
      this.#owner.ended();
    });
  }

  onReset(code: number): void {
    this.#isInputOver = true;
    if (code === StreamCode.refused || code === StreamCode.overloaded) return this.#break(refusedError(code));
    this.#break(new MaculaError('MACULA_ABORTED', 'the other side gave up the stream', { details: { streamCode: code } }));
  }

  onStopped(code: number): void {
    this.#isStopped = true;
    this.#release();
    if (this.#isClosed) return;
    if (code === StreamCode.refused || code === StreamCode.overloaded) return this.#break(refusedError(code));
    this.#owner.stopped(code);
  }

  onDrain(): void {
    this.account();
    this.#release();
  }

  onClose(): void {
    this.#isInputOver = true;
    this.#share.set(0);
    this.#break(new MaculaError('MACULA_CONNECTION_CLOSED', 'the connection ended before the stream did'));
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (cause) {
      const error = MaculaError.from(cause);
      if (error.code === 'MACULA_PROTOCOL_VIOLATION') this.#peer?.violation(error.message);
      this.#break(error);
    }
  }

  #break(error: MaculaError): void {
    if (this.#isClosed) return;
    this.#owner.broken(error);
    this.abandon();
  }

  #release(): void {
    this.#isFull = false;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #close(): void {
    this.#isClosed = true;
    this.#release();
    if (this.#isPaused) this.#stream?.resume();
    // What was queued may still have to go out; the rest is let go.
    this.#share.set(this.#stream?.bufferedBytes ?? 0);
  }
}

/** Gives up both sides of a stream at once. */
export function giveUp(stream: ByteStream, code: number = StreamCode.normal): void {
  stream.stopSending(code);
  stream.reset(code);
}

function refusedError(code: number): MaculaError {
  const message = code === StreamCode.refused ? 'the other side takes no such streams, or is shutting down' : 'the other side has too much under way';
  return new MaculaError('MACULA_OVERLOADED', message, { details: { retryAfterMs: 100, executed: 'no' } });
}
