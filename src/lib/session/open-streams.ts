import type { StreamHandler, TransportStream } from '../transport/endpoint.js';

/** Streams of their own that this side opened on a session: a session that gives way to another one waits for them. */
export class OpenStreams {
  #open = 0;
  #waiting: (() => void)[] = [];

  /** Opens a stream, and counts it until its handler is told that it is closed. @throws what `open` throws */
  open(handler: StreamHandler, open: (handler: StreamHandler) => TransportStream): TransportStream {
    const stream = open(this.#watch(handler));
    this.#open++;
    return stream;
  }

  /** Resolves when none is open. */
  idle(): Promise<void> {
    return this.#open === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #watch(handler: StreamHandler): StreamHandler {
    return {
      onData: (chunk) => handler.onData(chunk),
      onEnd: () => handler.onEnd(),
      onReset: (code) => handler.onReset(code),
      onStopped: (code) => handler.onStopped(code),
      onDrain: () => handler.onDrain(),
      onClose: () => {
        this.#closed();
        handler.onClose();
      },
    };
  }

  #closed(): void {
    if (--this.#open > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
