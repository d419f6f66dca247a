import type { NodeId } from '../identity/node-id.js';
import type { ByteStream, ByteStreamHandler, StreamAcceptor, StreamPeer } from './ports.js';

/** As much as waits unread before write() asks to wait, and below which it asks no longer. */
const highWaterBytes = 256 * 1024;
const lowWaterBytes = 64 * 1024;

/** One end of a stream of a node to itself: what is written here is read at the other end, a turn later. */
class LocalStream implements ByteStream {
  other!: LocalStream;
  handler!: ByteStreamHandler;
  /** Written here and not read at the other end. */
  #queue: Uint8Array[] = [];
  #bytes = 0;
  #needsDrain = false;
  #sending: 'open' | 'ending' | 'over' = 'open';
  #isPaused = false;
  #isScheduled = false;
  #isClosed = false;

  get bufferedBytes(): number {
    return this.#bytes;
  }

  write(data: Uint8Array): boolean {
    if (this.#sending !== 'open') return true;
    this.#queue.push(data);
    this.#bytes += data.length;
    this.#schedule();
    this.#needsDrain ||= this.#bytes > highWaterBytes;
    return this.#bytes <= highWaterBytes;
  }

  end(): void {
    if (this.#sending !== 'open') return;
    this.#sending = 'ending';
    this.#schedule();
  }

  reset(code: number): void {
    if (this.#sending === 'over') return;
    this.#finish();
    queueMicrotask(() => {
      this.other.handler.onReset(code);
      this.#close();
    });
  }

  stopSending(code: number): void {
    const { other } = this;
    if (other.#sending === 'over') return;
    other.#finish();
    queueMicrotask(() => {
      other.handler.onStopped(code);
      other.#close();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.other.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // A turn of the loop and not a microtask: an endless source must leave others their turn.
    setImmediate(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const { other } = this;
    while (this.#sending !== 'over' && !other.#isPaused && this.#queue.length > 0) {
      const chunk = this.#queue.shift()!;
      this.#bytes -= chunk.length;
      other.handler.onData(chunk);
    }
    if (this.#sending === 'ending' && this.#queue.length === 0 && !other.#isPaused) {
      this.#finish();
      other.handler.onEnd();
      this.#close();
    }
    if (!this.#needsDrain || this.#bytes >= lowWaterBytes) return;
    this.#needsDrain = false;
    this.handler.onDrain();
  }

  #finish(): void {
    this.#sending = 'over';
    this.#queue = [];
    this.#bytes = 0;
  }

  /** Tells both ends once both directions are over. */
  #close(): void {
    const { other } = this;
    if (this.#isClosed || this.#sending !== 'over' || other.#sending !== 'over') return;
    this.#isClosed = true;
    other.#isClosed = true;
    this.handler.onClose();
    other.handler.onClose();
  }
}

/** Opens a stream of a node to itself. @throws MaculaError as `accept` */
export function openLocalStream(nodeId: NodeId, header: unknown, handler: ByteStreamHandler, accept: StreamAcceptor): { readonly stream: ByteStream; readonly peer: StreamPeer } {
  const peer: StreamPeer = { nodeId, violation: () => undefined };
  const [near, far] = [new LocalStream(), new LocalStream()];
  near.other = far;
  far.other = near;
  near.handler = handler;
  far.handler = accept(header, far, peer);
  return { stream: near, peer };
}
