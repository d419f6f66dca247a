import type { TransportStream } from '../transport/endpoint.js';
import type { FrameStream } from './frame-stream.js';

/** More message streams than any setting allows are not accepted of a peer. */
export const maxMessageStreams = 16;

/** The long-lived streams messages travel on; each message takes the one with the least waiting in it. */
export class MessageStreams {
  readonly #streams: TransportStream[] = [];
  readonly #framed: FrameStream[] = [];
  #next = 0;

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
    const count = streams.length;
    if (count === 0) return true;
    let index = this.#next < count ? this.#next : 0;
    let best = index;
    let leastBytes = Infinity;
    for (let turn = 0; turn < count; turn++) {
      const bytes = streams[index]!.bufferedBytes;
      if (bytes < leastBytes) {
        best = index;
        leastBytes = bytes;
        if (bytes === 0) break;
      }
      index = index + 1 === count ? 0 : index + 1;
    }
    this.#next = best + 1;
    return streams[best]!.write(frame);
  }

  pause(): void {
    for (const stream of this.#streams) stream.pause();
  }

  resume(): void {
    for (const stream of this.#streams) stream.resume();
  }
}
