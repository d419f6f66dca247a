import type { StreamHandler, TransportStream } from '../../src/lib/transport/endpoint.js';

/** More than this buffered makes write() return false; below the low mark onDrain is called. */
const highWaterBytes = 256 * 1024;
const lowWaterBytes = 64 * 1024;
/** Largest piece handed over at once, so that readers meet messages cut anywhere. */
const pieceBytes = 16 * 1024;

/** What a stream tells the stream with the same id at the other end. */
export type StreamMessage =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'credit'; readonly bytes: number }
  | { readonly kind: 'fin' }
  | { readonly kind: 'reset'; readonly code: number }
  | { readonly kind: 'stop'; readonly code: number };

/** What a stream needs of its connection. */
export interface StreamOwner {
  readonly isClosed: boolean;
  send(streamId: number, message: StreamMessage): void;
  forget(streamId: number): void;
}

/** One end of a bidirectional stream in memory, with the flow control and the half-close of a QUIC stream. */
export class MemoryStream implements TransportStream {
  readonly id: number;
  readonly #owner: StreamOwner;
  #handler: StreamHandler | undefined;
  #queue: Uint8Array[] = [];
  #bufferedBytes = 0;
  #creditBytes: number;
  #ending = false;
  #sendDone = false;
  #needsDrain = false;
  #pumpScheduled = false;
  #unread: Uint8Array[] = [];
  #finReceived = false;
  #receiveDone = false;
  #paused = false;
  #closed = false;

  constructor(id: number, owner: StreamOwner, windowBytes: number) {
    this.id = id;
    this.#owner = owner;
    this.#creditBytes = windowBytes;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  setHandler(handler: StreamHandler): void {
    this.#handler = handler;
    this.#read();
  }

  write(data: Uint8Array): boolean {
    if (this.#sendDone || this.#ending || this.#owner.isClosed || data.length === 0) return true;
    this.#queue.push(data);
    this.#bufferedBytes += data.length;
    this.#schedulePump();
    if (this.#bufferedBytes <= highWaterBytes) return true;
    this.#needsDrain = true;
    return false;
  }

  end(): void {
    if (this.#sendDone || this.#ending || this.#owner.isClosed) return;
    this.#ending = true;
    this.#schedulePump();
  }

  reset(code: number): void {
    if (this.#sendDone || this.#owner.isClosed) return;
    this.#owner.send(this.id, { kind: 'reset', code });
    this.#finishSending();
  }

  stopSending(code: number): void {
    if (this.#receiveDone || this.#owner.isClosed) return;
    this.#owner.send(this.id, { kind: 'stop', code });
    this.#finishReceiving();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    queueMicrotask(() => this.#read());
  }

  /** A message of the other end arrived. */
  receive(message: StreamMessage): void {
    switch (message.kind) {
      case 'data':
        if (this.#receiveDone) return;
        this.#unread.push(message.bytes);
        return this.#read();
      case 'fin':
        this.#finReceived = true;
        return this.#read();
      case 'credit':
        this.#creditBytes += message.bytes;
        return this.#schedulePump();
      case 'reset':
        if (this.#receiveDone) return;
        this.#finishReceiving();
        return this.#handler?.onReset(message.code);
      case 'stop':
        if (this.#sendDone) return;
        this.#owner.send(this.id, { kind: 'reset', code: message.code });
        this.#finishSending();
        return this.#handler?.onStopped(message.code);
    }
  }

  /** The connection is gone. */
  connectionClosed(): void {
    this.#queue = [];
    this.#unread = [];
    this.#bufferedBytes = 0;
    this.#sendDone = true;
    this.#receiveDone = true;
    this.#closeWhenDone();
  }

  #schedulePump(): void {
    if (this.#pumpScheduled) return;
    this.#pumpScheduled = true;
    queueMicrotask(() => {
      this.#pumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#sendDone || this.#owner.isClosed) return;
    while (this.#queue.length > 0 && this.#creditBytes > 0) {
      const head = this.#queue[0]!;
      const length = Math.min(head.length, this.#creditBytes, pieceBytes);
      if (length === head.length) this.#queue.shift();
      else this.#queue[0] = head.subarray(length);
      this.#bufferedBytes -= length;
      this.#creditBytes -= length;
      this.#owner.send(this.id, { kind: 'data', bytes: head.subarray(0, length) });
    }
    if (this.#ending && this.#queue.length === 0) {
      this.#owner.send(this.id, { kind: 'fin' });
      this.#finishSending();
    }
    if (this.#needsDrain && this.#bufferedBytes < lowWaterBytes) {
      this.#needsDrain = false;
      this.#handler?.onDrain();
    }
  }

  #read(): void {
    while (this.#handler && !this.#paused && !this.#receiveDone && this.#unread.length > 0) {
      const bytes = this.#unread.shift()!;
      this.#owner.send(this.id, { kind: 'credit', bytes: bytes.length });
      const lent = Uint8Array.from(bytes);
      this.#handler.onData(lent);
      // The real endpoint reuses its buffer: a reader that kept the array must not get away with it.
      lent.fill(0xaa);
    }
    if (!this.#handler || this.#paused || this.#receiveDone || this.#unread.length > 0 || !this.#finReceived) return;
    this.#finishReceiving();
    this.#handler.onEnd();
  }

  #finishSending(): void {
    this.#queue = [];
    this.#bufferedBytes = 0;
    this.#sendDone = true;
    this.#closeWhenDone();
  }

  #finishReceiving(): void {
    this.#unread = [];
    this.#receiveDone = true;
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#closed || !this.#sendDone || !this.#receiveDone) return;
    this.#closed = true;
    this.#owner.forget(this.id);
    queueMicrotask(() => this.#handler?.onClose());
  }
}
