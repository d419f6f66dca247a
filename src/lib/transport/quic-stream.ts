import type { StreamHandler, TransportStream } from './endpoint.js';
import { checkedCode, quiche, quicheErrorOf, type QuicheConnection } from './quiche-binding.js';
import { WriteQueue } from './write-queue.js';

/** What a stream needs of its connection. */
export interface StreamContext {
  readonly native: QuicheConnection;
  /** Reused for every read. */
  readonly receiveBuffer: Buffer;
  /** The stream has something to send at the end of this turn. */
  wantsFlush(stream: QuicStream): void;
  /** The stream may have unread bytes that nobody is going to announce again. */
  wantsRead(): void;
  /** Flow or congestion control is closed: flush again when packets have come. */
  blocked(stream: QuicStream): void;
  /** STOP_SENDING is out: settle() is to be called until the peer's side has ended. */
  stopping(stream: QuicStream): void;
  delivered(bytes: number): void;
  /** Both sides are over. */
  finished(stream: QuicStream): void;
}

type SendState = 'open' | 'ending' | 'resetting' | 'ended' | 'reset';
type ReceiveState = 'open' | 'stopping' | 'discarding' | 'done';

const nothing = Buffer.alloc(0);

/** Beyond this many queued bytes write() returns false: a few round trips' worth on a fast path. */
const highWaterBytes = 512 * 1024;
/** Refill in time, long before the queue runs dry. */
const lowWaterBytes = 128 * 1024;

/**
 * One bidirectional stream over the native library. Writes are collected and handed over once per turn.
 *
 * quiche 0.18 frees a stream only on the acknowledgement of our last frame or on a read. After STOP_SENDING there
 * is nothing left to read, so our own end (FIN or RESET_STREAM) is held back until the peer's side has ended: its
 * acknowledgement then frees the stream. Peers answer STOP_SENDING at once, so this costs one round trip.
 */
export class QuicStream implements TransportStream {
  readonly id: number;
  readonly #context: StreamContext;
  readonly #queue = new WriteQueue();
  #handler: StreamHandler | undefined;
  #send: SendState = 'open';
  #receive: ReceiveState = 'open';
  #resetCode = 0;
  #paused = false;
  #drainWanted = false;
  #closed = false;
  /** Whether it stands in the connection's list of streams to flush; kept there to avoid a set per turn. */
  flushQueued = false;

  constructor(id: number, context: StreamContext, handler?: StreamHandler) {
    this.id = id;
    this.#context = context;
    this.#handler = handler;
  }

  /** Sets who hears of a stream that the peer opened. */
  attach(handler: StreamHandler): void {
    this.#handler = handler;
  }

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  get isSendOpen(): boolean {
    return !this.#closed && this.#send !== 'ended' && this.#send !== 'reset';
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  write(data: Uint8Array): boolean {
    if (this.#closed || this.#send !== 'open') return true;
    this.#queue.push(data);
    this.#context.wantsFlush(this);
    if (this.#queue.bytes <= highWaterBytes) return true;
    this.#drainWanted = true;
    return false;
  }

  end(): void {
    if (this.#closed || this.#send !== 'open') return;
    this.#send = 'ending';
    this.#context.wantsFlush(this);
  }

  reset(code: number): void {
    checkedCode(code);
    if (this.#closed || (this.#send !== 'open' && this.#send !== 'ending')) return;
    this.#send = 'resetting';
    this.#resetCode = code;
    this.#queue.clear();
    this.#context.wantsFlush(this);
  }

  stopSending(code: number): void {
    checkedCode(code);
    if (this.#closed || this.#receive !== 'open') return;
    if (this.#send === 'reset') {
      // Nothing of ours is left whose acknowledgement could free the stream, so it has to be read to its end.
      this.#receive = 'discarding';
      this.#context.wantsRead();
      return;
    }
    this.#receive = 'discarding';
    this.read();
    if (this.#receive !== 'discarding') return;
    this.#receive = 'stopping';
    this.#context.native.streamShutdown(this.id, quiche.Shutdown.Read, code);
    this.#context.stopping(this);
    this.#context.wantsFlush(this);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#closed) this.#context.wantsRead();
  }

  /** Reads what has come and tells the handler. */
  read(): void {
    const { native, receiveBuffer } = this.#context;
    // Asked first, as reading the peer's end can free the stream and the code would be lost.
    if (this.isSendOpen) this.checkStopped();
    while (!this.#closed && (this.#receive === 'discarding' || (this.#receive === 'open' && !this.#paused))) {
      let result: [number, boolean] | null;
      try {
        result = native.streamRecv(this.id, receiveBuffer);
      } catch (error) {
        this.#readFailed(error);
        return;
      }
      if (result === null) return;
      this.#received(result[0], result[1]);
      if (result[1] || result[0] < receiveBuffer.length) return;
    }
  }

  /** Hands queued bytes, end or reset to the native library as far as it takes them. */
  flush(): void {
    this.flushQueued = false;
    if (this.#closed) return;
    try {
      if (this.#send === 'resetting') this.#flushReset();
      else if (this.isSendOpen) this.#flushData();
    } catch (error) {
      this.#sendFailed(error);
    }
    this.#announceDrain();
  }

  /** Notices STOP_SENDING from the peer while nothing is being written. */
  checkStopped(): void {
    if (!this.isSendOpen) return;
    try {
      this.#context.native.streamCapacity(this.id);
    } catch (error) {
      this.#sendFailed(error);
    }
  }

  /** After stopSending: whether the peer's side has ended; if so, lets go what was held back. */
  settle(): boolean {
    if (this.#closed || this.#receive !== 'stopping') return true;
    const { native } = this.#context;
    if (!native.streamFinished(this.id)) return false;
    this.#receive = 'done';
    // Our end went out long before: one more frame whose acknowledgement frees the stream.
    if (this.#send === 'ended') native.streamShutdown(this.id, quiche.Shutdown.Write, 0);
    else this.#context.wantsFlush(this);
    this.#finishIfDone();
    return true;
  }

  /** The connection is gone. */
  abandon(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.clear();
    this.#handler?.onClose();
  }

  #flushData(): void {
    const { native } = this.#context;
    const fin = this.#send === 'ending' && this.#receive !== 'stopping';
    while (this.#queue.bytes > 0) {
      const chunk = this.#queue.peek();
      const last = chunk.length === this.#queue.bytes;
      const taken = native.streamSend(this.id, chunk, fin && last) ?? 0;
      this.#queue.take(taken);
      if (taken < chunk.length) return this.#context.blocked(this);
      if (last && fin) return this.#finishSend('ended');
    }
    if (!fin) return;
    native.streamSend(this.id, nothing, true);
    this.#finishSend('ended');
  }

  #flushReset(): void {
    if (this.#receive === 'stopping') return;
    this.#context.native.streamShutdown(this.id, quiche.Shutdown.Write, this.#resetCode);
    this.#finishSend('reset');
  }

  #announceDrain(): void {
    if (!this.#drainWanted || this.#closed || this.#queue.bytes >= lowWaterBytes) return;
    this.#drainWanted = false;
    if (this.#send === 'open') this.#handler?.onDrain();
  }

  #received(bytes: number, fin: boolean): void {
    this.#context.delivered(bytes);
    const wanted = this.#receive === 'open';
    if (wanted && bytes > 0) this.#handler?.onData(this.#context.receiveBuffer.subarray(0, bytes));
    if (!fin || this.#closed) return;
    // Asked again, as the handler may have refused the rest just now.
    const stillWanted = wanted && this.#receive === 'open';
    this.#receive = 'done';
    if (stillWanted) this.#handler?.onEnd();
    this.#finishIfDone();
  }

  #readFailed(error: unknown): void {
    const { name, code } = quicheErrorOf(error);
    const wanted = this.#receive === 'open';
    this.#receive = 'done';
    if (wanted && name === 'StreamReset') this.#handler?.onReset(code ?? 0);
    else if (wanted) this.#handler?.onReset(0);
    this.#finishIfDone();
  }

  #sendFailed(error: unknown): void {
    const { name, code } = quicheErrorOf(error);
    const known = this.#send === 'resetting';
    this.#queue.clear();
    this.#finishSend('reset', () => {
      if (!known) this.#handler?.onStopped(name === 'StreamStopped' ? (code ?? 0) : 0);
    });
  }

  #finishSend(state: 'ended' | 'reset', announce?: () => void): void {
    this.#send = state;
    announce?.();
    this.#finishIfDone();
  }

  #finishIfDone(): void {
    if (this.#closed || this.#receive !== 'done' || this.isSendOpen) return;
    this.#closed = true;
    this.#context.finished(this);
    this.#handler?.onClose();
  }
}
