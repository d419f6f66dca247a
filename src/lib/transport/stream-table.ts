import { MaculaError } from '../base/errors.js';
import type { StreamHandler, TransportStream } from './endpoint.js';
import { QuicStream, type StreamContext } from './quic-stream.js';
import { quicheErrorOf, type QuicheConnection } from './quiche-binding.js';

/** Streams asked per turn whether the peer refused them; all others in use notice by themselves. */
const checksPerTurn = 4;

/**
 * Up to this many streams each is asked whether it can be read, at 0.1 µs; the library's list of readable ones costs
 * 15 µs, several times what reading a packet does.
 */
const askedOneByOne = 16;

/** A handler that writes more in each onDrain has to leave other connections their turn. */
const flushRounds = 16;

/** The streams of one connection: opens, reads and flushes them. */
export class StreamTable implements StreamContext {
  readonly native: QuicheConnection;
  readonly receiveBuffer: Buffer;
  readonly #isServer: boolean;
  readonly #markActive: (hasToRead: boolean) => void;
  readonly #streams = new Map<number, QuicStream>();
  readonly #blocked = new Set<QuicStream>();
  readonly #stopping = new Set<QuicStream>();
  #toFlush: QuicStream[] = [];
  #flushing: QuicStream[] = [];
  #accept: ((stream: TransportStream) => StreamHandler) | undefined;
  #nextId: number;
  #checks: Iterator<QuicStream> | undefined;
  #closed = false;
  #isFlushing = false;
  #stoppedCount = 0;
  /** Bytes read from all streams so far. */
  deliveredBytes = 0;

  /**
   * @param markActive asks the connection for a turn: to read streams when the argument is true, to flush in any case
   */
  constructor(native: QuicheConnection, isServer: boolean, receiveBuffer: Buffer, markActive: (hasToRead: boolean) => void) {
    this.native = native;
    this.receiveBuffer = receiveBuffer;
    this.#isServer = isServer;
    this.#markActive = markActive;
    this.#nextId = isServer ? 1 : 0;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Opens a stream of our own. @throws MaculaError MACULA_OVERLOADED */
  open(handler: StreamHandler): QuicStream {
    const id = this.#nextId;
    try {
      // Creates the stream, and with the priority it has anyway; so a limit shows now and not with the first bytes.
      this.native.streamPriority(id, 127, true);
    } catch (error) {
      if (quicheErrorOf(error).name !== 'StreamLimit') throw error;
      throw new MaculaError('MACULA_OVERLOADED', 'the peer does not allow more streams at once (its setting maxStreams)');
    }
    this.#nextId += 4;
    const stream = new QuicStream(id, this, handler);
    this.#streams.set(id, stream);
    return stream;
  }

  onStream(accept: (stream: TransportStream) => StreamHandler): void {
    this.#accept = accept;
    this.wantsRead();
  }

  /** Reads every stream that has something, and hands streams that are new to whoever accepts them. */
  read(): void {
    if (this.#streams.size <= askedOneByOne) this.#readKnown();
    // What is left is new, or read by nobody for now.
    if (this.native.isReadable()) this.#readListed();
    if (this.#stopping.size > 0) this.#settle();
    this.#checkSome(checksPerTurn);
  }

  /** Hands over what is queued, first on streams that had to wait. */
  flush(): void {
    this.#isFlushing = true;
    for (const stream of this.#blocked) this.wantsFlush(stream);
    this.#blocked.clear();
    // What flushing one stream makes its handler write is flushed in the same turn, within reason.
    for (let round = 0; this.#toFlush.length > 0 && round < flushRounds; round += 1) {
      const batch = this.#toFlush;
      this.#toFlush = this.#flushing;
      this.#flushing = batch;
      for (const stream of batch) stream.flush();
      batch.length = 0;
    }
    this.#isFlushing = false;
    if (this.#toFlush.length > 0) this.#markActive(false);
  }

  /** Asks every open stream whether the peer refused it. */
  checkAll(): void {
    for (const stream of this.#streams.values()) stream.checkStopped();
    this.#settle();
  }

  /** Streams whose bytes come and are not read: those paused now, and all ever refused. */
  unread(): { readonly paused: number; readonly stopped: number } {
    let paused = 0;
    for (const stream of this.#streams.values()) if (stream.isPaused) paused += 1;
    return { paused, stopped: this.#stoppedCount };
  }

  /** The connection is gone. Throws what a handler threw, after all have been told. */
  close(): void {
    this.#closed = true;
    const streams = [...this.#streams.values()];
    const errors: unknown[] = [];
    this.#streams.clear();
    this.#blocked.clear();
    this.#stopping.clear();
    this.#toFlush.length = 0;
    for (const stream of streams) {
      try {
        stream.abandon();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  wantsFlush(stream: QuicStream): void {
    if (stream.flushQueued || this.#closed) return;
    stream.flushQueued = true;
    this.#toFlush.push(stream);
    if (!this.#isFlushing) this.#markActive(false);
  }

  wantsRead(): void {
    if (!this.#closed) this.#markActive(true);
  }

  blocked(stream: QuicStream): void {
    this.#blocked.add(stream);
  }

  stopping(stream: QuicStream): void {
    this.#stopping.add(stream);
    this.#stoppedCount += 1;
  }

  delivered(bytes: number): void {
    this.deliveredBytes += bytes;
  }

  finished(stream: QuicStream): void {
    this.#streams.delete(stream.id);
    this.#blocked.delete(stream);
    this.#stopping.delete(stream);
  }

  #readKnown(): void {
    for (const stream of this.#streams.values()) {
      if (this.#closed || !this.native.isReadable()) return;
      if (this.native.streamReadable(stream.id)) stream.read();
    }
  }

  #readListed(): void {
    for (const id of this.native.readable()) {
      if (this.#closed) return;
      const stream = this.#streams.get(id) ?? this.#acceptStream(id);
      stream?.read();
    }
  }

  #acceptStream(id: number): QuicStream | undefined {
    if (!this.#accept || (id & 1) === (this.#isServer ? 1 : 0)) return undefined;
    const stream = new QuicStream(id, this);
    this.#streams.set(id, stream);
    stream.attach(this.#accept(stream));
    return stream;
  }

  #settle(): void {
    for (const stream of this.#stopping) {
      if (stream.settle()) this.#stopping.delete(stream);
    }
  }

  #checkSome(count: number): void {
    for (let left = Math.min(count, this.#streams.size); left > 0; left -= 1) {
      this.#checks ??= this.#streams.values();
      const next = this.#checks.next();
      if (next.done) this.#checks = undefined;
      else next.value.checkStopped();
    }
  }
}
