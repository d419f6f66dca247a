import type { NodeId } from '../identity/node-id.js';
import type { Qos } from '../wire/pubsub-messages.js';
import type { Delivery } from './delivery.js';
import { PublishedStream } from './published-stream.js';
import type { PubSubSettings } from './pubsub-types.js';

/** Messages of a stream that were numbered and not yet signed. */
interface Pending {
  readonly stream: PublishedStream;
  readonly first: number;
  readonly bodies: Uint8Array[];
  bytes: number;
  readonly resolve: (delivery: Delivery) => void;
  readonly delivery: Promise<Delivery>;
}

/** What a publisher knows of one topic it publishes to. */
export class PublishedTopic {
  readonly topic: string;
  /** Resolves when subscribers were looked for; undefined before that began. */
  ready: Promise<void> | undefined;
  isReady = false;
  isAnnounced = false;
  nextSearchMs = 0;
  /** Nodes that were told of the topic. */
  readonly asked = new Set<NodeId>();
  /** Those that did not answer. */
  readonly unreached = new Set<NodeId>();
  /** Messages that wait until subscribers were looked for. */
  waitingMessages = 0;
  waitingBytes = 0;
  lastUsedMs = 0;
  /** What was signed last, and when. */
  last: { readonly delivery: Delivery; readonly atMs: number } | undefined;
  readonly #settings: PubSubSettings;
  readonly #open: (topic: string, qos: Qos, nowMs: number) => PublishedStream;
  readonly #streams: [PublishedStream | undefined, PublishedStream | undefined] = [undefined, undefined];
  readonly #pending: [Pending | undefined, Pending | undefined] = [undefined, undefined];
  readonly #toldNext = new WeakMap<PublishedStream, number>();

  constructor(topic: string, settings: PubSubSettings, open: (topic: string, qos: Qos, nowMs: number) => PublishedStream) {
    this.topic = topic;
    this.#settings = settings;
    this.#open = open;
  }

  /** Whether anybody still waits for something of it. */
  get isBusy(): boolean {
    return this.waitingMessages > 0 || this.#pending.some((pending) => pending !== undefined);
  }

  stream(qos: Qos, nowMs: number): PublishedStream {
    return (this.#streams[qos] ??= this.#open(this.topic, qos, nowMs));
  }

  streams(): PublishedStream[] {
    return this.#streams.filter((stream) => stream !== undefined);
  }

  /** When what is pending is to be signed: at once while subscribers keep up, else with what comes within a moment. */
  dueMs(nowMs: number): number {
    const { pubsubBatchBytes, pubsubLingerMs } = this.#settings;
    return this.last && !this.last.delivery.isDone && pubsubBatchBytes > 0 ? this.last.atMs + pubsubLingerMs : nowMs;
  }

  /** Messages that were numbered and not yet signed, and their bytes. */
  pendingSize(qos: Qos): { messages: number; bytes: number } {
    const pending = this.#pending[qos];
    return { messages: pending?.bodies.length ?? 0, bytes: pending?.bytes ?? 0 };
  }

  /**
   * Numbers a message. `delivery` resolves when it was handed out.
   * @param full called when no more fits together with what was appended before
   */
  append(qos: Qos, body: Uint8Array, nowMs: number, full: () => void): { seq: number; delivery: Promise<Delivery> } {
    const { pubsubBatchBytes, pubsubBatchMessages } = this.#settings;
    const before = this.#pending[qos];
    if (before && before.bytes + body.length > pubsubBatchBytes) full();
    const stream = this.stream(qos, nowMs);
    const seq = stream.number(1);
    const pending = (this.#pending[qos] ??= newPending(stream, seq));
    pending.bodies.push(body);
    pending.bytes += body.length;
    const { delivery } = pending;
    if (pending.bodies.length >= pubsubBatchMessages) full();
    return { seq, delivery };
  }

  /** What was appended since the last time. */
  takePending(qos: Qos): Pending | undefined {
    const pending = this.#pending[qos];
    this.#pending[qos] = undefined;
    return pending;
  }

  /** Those that did not answer and are connected, to be asked again. */
  takeUnreached(connected: readonly NodeId[]): NodeId[] {
    const again = connected.filter((nodeId) => this.unreached.has(nodeId));
    this.unreached.clear();
    return again;
  }

  /** Streams on which nothing was published for that long and whose subscribers were not told so yet. */
  silentStreams(nowMs: number, silentMs: number): PublishedStream[] {
    return this.streams().filter((stream) => {
      if (nowMs - stream.lastMs < silentMs || this.#toldNext.get(stream) === stream.next) return false;
      this.#toldNext.set(stream, stream.next);
      return true;
    });
  }
}

function newPending(stream: PublishedStream, first: number): Pending {
  let resolve: (delivery: Delivery) => void = () => undefined;
  const delivery = new Promise<Delivery>((done) => (resolve = done));
  return { stream, first, bodies: [], bytes: 0, resolve, delivery };
}

/** The topics a publisher publishes to; beyond a limit the one not used for longest is forgotten. */
export class TopicBook {
  /** Smallest epoch of any stream. */
  readonly born: number;
  readonly #settings: PubSubSettings;
  readonly #forgotten: (topic: string) => void;
  /** Least recently used first. */
  readonly #topics = new Map<string, PublishedTopic>();
  readonly #streams = new Map<number, PublishedStream>();
  #nextEpoch: number;

  /** @param born epochs begin here: the time, so that they are not those of an earlier run */
  constructor(settings: PubSubSettings, born: number, forgotten: (topic: string) => void) {
    this.#settings = settings;
    this.born = born;
    this.#nextEpoch = born;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#topics.size;
  }

  byEpoch(epoch: number): PublishedStream | undefined {
    return this.#streams.get(epoch);
  }

  /** Most recently used first. */
  latest(): PublishedTopic[] {
    return [...this.#topics.values()].reverse();
  }

  use(topic: string, nowMs: number): PublishedTopic {
    const known = this.#topics.get(topic);
    // Moving it to the end with each message would cost more than sending it.
    if (known && nowMs - known.lastUsedMs < 1000) return known;
    const state = known ?? new PublishedTopic(topic, this.#settings, (name, qos, atMs) => this.#open(name, qos, atMs));
    state.lastUsedMs = nowMs;
    this.#topics.delete(topic);
    this.#topics.set(topic, state);
    if (!known) this.#shrink(state);
    return state;
  }

  #open(topic: string, qos: Qos, nowMs: number): PublishedStream {
    const stream = new PublishedStream({ epoch: this.#nextEpoch++, topic, qos }, this.#settings, nowMs);
    this.#streams.set(stream.epoch, stream);
    return stream;
  }

  #shrink(keep: PublishedTopic): void {
    for (const state of this.#topics.values()) {
      if (this.#topics.size <= this.#settings.pubsubMaxTopics) return;
      if (state === keep || state.isBusy) continue;
      this.#topics.delete(state.topic);
      for (const { epoch } of state.streams()) this.#streams.delete(epoch);
      if (state.isAnnounced) this.#forgotten(state.topic);
    }
  }
}
