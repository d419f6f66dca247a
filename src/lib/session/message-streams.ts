import type { TransportStream } from '../transport/endpoint.js';
import type { FrameStream } from './frame-stream.js';

/** More message streams than any setting allows are not accepted of a peer. */
export const maxMessageStreams = 16;

/**
 * The long-lived streams messages travel on; each run of messages takes the one with the least waiting in it. A run is about a packet's
 * worth: the native library puts no more than one stream into a packet, so that shorter runs make small packets, and longer ones let a
 * lost packet hold up the messages of many.
 */
export class MessageStreams {
  readonly #packetBytes: number;
  readonly #streams: TransportStream[] = [];
  readonly #framed: FrameStream[] = [];
  #current = 0;

  /** @param packetBytes what a packet of the connection carries at most */
  constructor(packetBytes: number) {
    this.#packetBytes = packetBytes;
  }

  /** HELLO's stream; DISCONNECT travels on it. */
  get first(): TransportStream {
    return this.#streams[0]!;
  }

  get all(): readonly TransportStream[] {
    return this.#streams;
  }

  get size(): number {
    return this.#streams.length;
  }

  /** Bytes written and not yet handed to QUIC, all streams together. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams) bytes += stream.bufferedBytes;
    return bytes;
  }

  add(framed: FrameStream): void {
    framed.carriesMessages = true;
    this.#framed.push(framed);
    this.#streams.push(framed.stream);
  }

  remove(framed: FrameStream): void {
    const index = this.#framed.indexOf(framed);
    if (index < 0) return;
    this.#framed.splice(index, 1);
    this.#streams.splice(index, 1);
  }

  /** Queues a frame on the stream with the least buffered, in turn among equals. Returns false when its buffer is full. */
  write(frame: Uint8Array): boolean {
    const streams = this.#streams;
    if (streams.length === 0) return true;
    const buffered = streams[this.#current]?.bufferedBytes ?? 0;
    if (buffered === 0 || buffered >= this.#packetBytes) this.#current = this.#leastBuffered();
    return streams[this.#current]!.write(frame);
  }

  #leastBuffered(): number {
    const streams = this.#streams;
    let best = 0;
    let leastBytes = Infinity;
    let index = this.#current;
    for (let turn = 0; turn < streams.length && leastBytes > 0; turn++) {
      index = index + 1 < streams.length ? index + 1 : 0;
      const bytes = streams[index]!.bufferedBytes;
      if (bytes >= leastBytes) continue;
      best = index;
      leastBytes = bytes;
    }
    return best;
  }

  pause(): void {
    for (const stream of this.#streams) stream.pause();
  }

  resume(): void {
    for (const stream of this.#streams) stream.resume();
  }
}
