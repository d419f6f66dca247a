import { abortError, onceAborted } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { PubSubEvent, PubSubGap, PubSubMessage, Qos, SubscribeOptions } from './pubsub-types.js';

export interface SubscriptionOptions extends SubscribeOptions {
  readonly queueMessages: number;
  readonly queueBytes: number;
}

/**
 * A subscription of a program on this node. Read it with `for await`, or give a listener when subscribing; it ends with
 * {@link close}, when its signal aborts, or when the node stops.
 */
export class Subscription implements AsyncIterable<PubSubMessage> {
  readonly pattern: string;
  readonly qos: Qos;
  readonly #options: SubscriptionOptions;
  readonly #listener: ((message: PubSubMessage) => void) | undefined;
  readonly #onClose: () => void;
  #queue: PubSubEvent[] = [];
  #queuedMessages = 0;
  #queuedBytes = 0;
  /** What was dropped because nobody read, by stream; told before anything else. */
  readonly #missed = new Map<string, PubSubGap>();
  #dropped = 0;
  #wake: (() => void) | undefined;
  #closed = false;
  #error: MaculaError | undefined;
  #forgetSignal: () => void = () => undefined;

  /** @param onClose called once, when it ends */
  constructor(pattern: string, options: SubscriptionOptions, listener: ((message: PubSubMessage) => void) | undefined, onClose: () => void) {
    this.pattern = pattern;
    this.qos = options.qos ?? 1;
    this.#options = options;
    this.#listener = listener;
    this.#onClose = onClose;
    const { signal } = options;
    if (!signal) return;
    const onAbort = (): void => this.close(abortError(signal));
    onceAborted(signal, onAbort);
    this.#forgetSignal = () => signal.removeEventListener('abort', onAbort);
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Messages dropped because they were not read in time. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Ends the subscription. Idempotent. @param error what those who read it get; they just end where absent */
  close(error?: MaculaError): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#error = error;
    this.#forgetSignal();
    this.#wake?.();
    this.#onClose();
  }

  /** A message for the subscription. */
  push(message: PubSubMessage): void {
    if (this.#closed) return;
    if (this.#listener) return this.#listener(message);
    if (this.#isFull(message.payload.length) && !this.#makeRoom(message.payload.length)) return;
    this.#queue.push({ type: 'message', message });
    this.#queuedMessages++;
    this.#queuedBytes += message.payload.length;
    this.#wake?.();
  }

  /** Messages were missed on the way. */
  pushGap(gap: PubSubGap): void {
    if (this.#closed) return;
    this.#options.onGap?.(gap);
    if (this.#listener) return;
    // Gaps come with messages behind them, so they are as few; those beyond are told by their sequence numbers alone.
    if (this.#queue.length < 2 * this.#options.queueMessages) this.#queue.push({ type: 'gap', gap });
    this.#wake?.();
  }

  /** Messages and gaps, in the order they came. @throws MaculaError why the subscription ended, unless it was closed */
  async *events(): AsyncGenerator<PubSubEvent, void, void> {
    try {
      for (;;) {
        const event = this.#shift();
        if (event) yield event;
        else if (this.#closed) break;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
      if (this.#error) throw this.#error;
    } finally {
      this.close();
    }
  }

  /** The messages; leaving the loop ends the subscription. @throws as {@link events} */
  async *[Symbol.asyncIterator](): AsyncGenerator<PubSubMessage, void, void> {
    for await (const event of this.events()) if (event.type === 'message') yield event.message;
  }

  #shift(): PubSubEvent | undefined {
    for (const [stream, gap] of this.#missed) {
      this.#missed.delete(stream);
      return { type: 'gap', gap };
    }
    const event = this.#queue.shift();
    if (event?.type === 'message') this.#forget(event.message);
    return event;
  }

  #isFull(bytes: number): boolean {
    if (this.#queuedMessages === 0) return false;
    return this.#queuedMessages >= this.#options.queueMessages || this.#queuedBytes + bytes > this.#options.queueBytes;
  }

  /** Returns false when the subscription ended instead. */
  #makeRoom(bytes: number): boolean {
    if (this.#options.overflow === 'disconnect') {
      this.close(new MaculaError('MACULA_OVERLOADED', `the subscription to ${this.pattern} was not read and ended`, { details: { limit: 'queueMessages', value: this.#options.queueMessages } }));
      return false;
    }
    while (this.#isFull(bytes)) {
      const event = this.#queue.shift()!;
      if (event.type === 'gap') continue;
      this.#forget(event.message);
      this.#miss(event.message);
    }
    return true;
  }

  #forget({ payload }: PubSubMessage): void {
    this.#queuedMessages--;
    this.#queuedBytes -= payload.length;
  }

  #miss({ topic, publisher, qos, seq, messageId }: PubSubMessage): void {
    this.#dropped++;
    const stream = messageId.slice(0, messageId.lastIndexOf('-'));
    const before = this.#missed.get(stream);
    const gap: PubSubGap = before
      ? { ...before, toSeq: seq, missed: before.missed + 1 }
      : { topic, publisher, qos, fromSeq: seq, toSeq: seq, missed: 1, reason: 'slow' };
    this.#missed.set(stream, gap);
    if (!before) this.#options.onGap?.(gap);
  }
}
