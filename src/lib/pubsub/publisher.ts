import { untilAborted, withTimeout } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { Emitter } from '../base/emitter.js';
import type { Timer } from '../base/clock.js';
import type { NodeId } from '../identity/node-id.js';
import { FrameType } from '../wire/frame-type.js';
import {
  announceBody, doneBody, readInterest, readReplay, readSubscribe, readUnsubscribe, replayReplyBody, type PublishAck, type Qos, type WirePattern,
} from '../wire/pubsub-messages.js';
import { messageIdOf, type BundleCodec } from './bundle.js';
import { Delivery } from './delivery.js';
import { FanOut } from './fan-out.js';
import { publishExchange, type Outbox, type Pumped } from './outbox.js';
import type { PubSubPorts } from './ports.js';
import type { PublishedStream } from './published-stream.js';
import { TopicBook, type PublishedTopic } from './published-topic.js';
import type { PublishOptions, PublishResult, PubSubCounters, PubSubEvents, PubSubMessage, PubSubSettings } from './pubsub-types.js';
import { SubscriberTable, type RemoteSubscriber } from './subscriber-table.js';
import { checkTopic, matches, prefixesOf, publisherName, subscriberName } from './topic.js';
import { TopicSearch } from './topic-search.js';
import { Turn } from './turn.js';

/** Pause between two attempts to reach a subscriber that was let go, and streams whose position one is told at once. */
const revivalMs = 5000;
const maxIntroductions = 256;
/** Connected peers asked without being found first: they cost a message each, and are there before the DHT knows anybody. */
const maxNeighboursAsked = 64;

export interface PublisherComponents extends PubSubPorts {
  readonly codec: BundleCodec;
  readonly counters: PubSubCounters;
  readonly events: Emitter<PubSubEvents>;
  /** Subscriptions on this node: whether there are any to the topic, and how they get a message. */
  readonly local: { has(topic: string): boolean; deliver(message: PubSubMessage): void };
}

/** The publishing half: numbers and signs messages, finds subscribers, and sends to each. */
export class Publisher {
  readonly #components: PublisherComponents;
  readonly #settings: PubSubSettings;
  readonly #search: TopicSearch;
  readonly #topics: TopicBook;
  readonly #table: SubscriberTable;
  readonly #fanOut: FanOut;
  readonly #dirty = new Set<Pumped>();
  readonly #dirtyTopics = new Set<PublishedTopic>();
  /** Those whose messages wait for a moment. */
  readonly #lingering = new Set<PublishedTopic>();
  readonly #turn = new Turn(() => this.#flush());
  readonly #stopped = new AbortController();
  #nextLink: number;
  #timer: Timer | undefined;

  constructor(components: PublisherComponents, settings: PubSubSettings) {
    this.#components = components;
    // Every request under way listens.
    this.#settings = settings;
    this.#search = new TopicSearch(components, settings.pubsubMaxAdvertised);
    this.#nextLink = Math.floor(components.clock.wallMs());
    this.#topics = new TopicBook(settings, Math.floor(components.clock.wallMs()), (topic) => this.#search.withdraw(namesOf(topic)));
    const outboxes = { ...components, nextLink: () => this.#nextLink++, schedule: (outbox: Pumped) => this.#schedule(outbox) };
    this.#table = new SubscriberTable({ ...outboxes, exchange: publishExchange(components.transport, FrameType.publish) }, settings, (nodeId) => ({
      dead: () => this.#dead(nodeId),
      dropped: (topic, messages, reason) => components.events.emit('dropped', { nodeId, topic, messages, reason }),
      answered: (ack) => this.#answered(nodeId, ack),
    }));
    const overflowed = ({ nodeId, patterns }: RemoteSubscriber): void => void this.#remove(nodeId, patterns.keys(), 'overflow');
    this.#fanOut = new FanOut({ ...outboxes, table: this.#table, overflowed, answered: (nodeId, ack) => this.#answered(nodeId, ack) }, settings);
  }

  start(): void {
    const { transport } = this.#components;
    transport.serve(FrameType.subscribe, FrameType.pubsubDone, (body, from) => this.#subscribe(readSubscribe(body), from));
    transport.serve(FrameType.unsubscribe, FrameType.pubsubDone, (body, from) => this.#unsubscribe(readUnsubscribe(body), from));
    transport.serve(FrameType.replay, FrameType.replayReply, (body) => this.#replay(body));
    this.#watch();
  }

  stop(): void {
    for (const state of this.#dirtyTopics) for (const qos of [0, 1] as const) this.#sendPending(state, qos);
    this.#stopped.abort(stoppedError());
    this.#timer?.cancel();
    this.#fanOut.stop();
    for (const { outbox } of [...this.#table.list()]) outbox.end('gone');
  }

  /** Smallest epoch of this publisher's streams. */
  get born(): number {
    return this.#topics.born;
  }

  sizes(): { topics: number; subscribers: number; delegates: number; queuedMessages: number; queuedBytes: number } {
    let [queuedMessages, queuedBytes] = [0, 0];
    for (const { outbox } of this.#table.list()) {
      queuedMessages += outbox.queuedMessages;
      queuedBytes += outbox.queuedBytes;
    }
    return { topics: this.#topics.size, subscribers: this.#table.size, delegates: this.#fanOut.delegates().length, queuedMessages, queuedBytes };
  }

  /** Nodes whose connections are worth keeping, delegates first. */
  subscriberIds(): NodeId[] {
    return [...new Set([...this.#fanOut.delegates(), ...[...this.#table.list()].map(({ nodeId }) => nodeId)])];
  }

  /** @throws MaculaError as PubSub.publish */
  async publish(topic: string, payload: Uint8Array, options: PublishOptions): Promise<PublishResult> {
    const { clock, nodeId } = this.#components;
    const startMs = clock.nowMs();
    const { qos = 0, requireSubscribers = false, signal } = options;
    checkTopic(topic);
    this.#checkSize(payload);
    if (this.#stopped.signal.aborted) throw stoppedError();
    const state = this.#topic(topic);
    if (!state.isReady) await this.#untilReady(state, payload.length, signal);
    if (requireSubscribers && this.#countSubscribers(topic) === 0) {
      throw new MaculaError('MACULA_NO_SUBSCRIBERS', `nobody subscribes to ${topic}`, { details: { topic } });
    }
    // Nothing may come between the last look and the message's place in the queues.
    for (let full = this.#fullOutbox(state, payload.length, qos); full; full = this.#fullOutbox(state, payload.length, qos)) await untilEnd(full.untilRoom(), signal);
    const { seq, delivery } = state.append(qos, payload, clock.nowMs(), () => this.#sendPending(state, qos));
    this.#components.counters.published++;
    this.#dirtyTopics.add(state);
    this.#turn.schedule();
    const followed = await untilEnd(delivery, signal);
    if (qos === 1) await this.#untilAcknowledged(followed, options.timeoutMs, signal);
    const { subscribers, delivered } = followed;
    if (qos === 1 && followed.isDone) this.#components.events.emit('settled', { topic, subscribers, acknowledged: delivered, durationMs: clock.nowMs() - startMs });
    const messageId = messageIdOf(nodeId, state.stream(qos, clock.nowMs()).epoch, seq);
    return { topic, messageId, seq, qos, subscribers, delivered: qos === 1 ? delivered : subscribers, durationMs: Math.round(clock.nowMs() - startMs) };
  }

  /** Resolves when every subscriber acknowledged or is gone, or after `timeoutMs`. */
  async #untilAcknowledged({ done }: Delivery, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
    let timer: Timer | undefined;
    const waits = [untilEnd(done, signal)];
    if (timeoutMs !== undefined) waits.push(new Promise((resolve) => (timer = this.#components.clock.setTimer(timeoutMs, resolve))));
    await Promise.race(waits).finally(() => timer?.cancel());
  }

  #checkSize(payload: Uint8Array): void {
    const maxBytes = this.#settings.maxFrameBytes - Math.max(0, this.#components.signer.publicKey.length - 100) * 2;
    if (payload.length <= maxBytes) return;
    throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a message has at most ${maxBytes} bytes, not ${payload.length}`, { details: { bytes: payload.length, maxBytes } });
  }

  #countSubscribers(topic: string): number {
    return this.#table.recipients(topic).length + (this.#components.local.has(topic) ? 1 : 0);
  }

  #topic(topic: string): PublishedTopic {
    const nowMs = this.#components.clock.nowMs();
    const state = this.#topics.use(topic, nowMs);
    if (!state.ready) {
      state.nextSearchMs = nowMs + this.#settings.pubsubRefreshMs;
      state.ready = withTimeout(this.#components.clock, this.#settings.pubsubDiscoveryMs, 'finding subscribers', this.#stopped.signal, () => this.#discover(state))
        .catch((error: unknown) => this.#components.logger.debug('publishing before all subscribers were found', { topic, error: MaculaError.from(error).message }))
        .then(() => void (state.isReady = true));
    }
    return state;
  }

  /** Before the subscribers of a topic were looked for, messages to it wait, in order. */
  async #untilReady(state: PublishedTopic, bytes: number, signal: AbortSignal | undefined): Promise<void> {
    const { pubsubQueueMessages, pubsubQueueBytes } = this.#settings;
    if (state.waitingMessages >= pubsubQueueMessages || state.waitingBytes + bytes > Math.max(bytes, pubsubQueueBytes)) {
      throw new MaculaError('MACULA_OVERLOADED', `too many messages wait until the subscribers of ${state.topic} are found`, { details: { limit: 'pubsubQueueMessages', value: pubsubQueueMessages } });
    }
    state.waitingMessages++;
    state.waitingBytes += bytes;
    try {
      await untilEnd(state.ready!, signal);
    } finally {
      state.waitingMessages--;
      state.waitingBytes -= bytes;
    }
  }

  /** An outbox that has no room for one more message, where that holds up the publisher. */
  #fullOutbox(state: PublishedTopic, bytes: number, qos: Qos): Pick<Outbox, 'untilRoom'> | undefined {
    if (this.#settings.pubsubOverflow !== 'block') return undefined;
    const pending = state.pendingSize(qos);
    return this.#fanOut.fullOutbox(state.topic, { messages: pending.messages + 1, bytes: pending.bytes + bytes, qos });
  }

  async #discover(state: PublishedTopic): Promise<void> {
    const { signal } = this.#stopped;
    const names = prefixesOf(state.topic).map(subscriberName);
    const neighbours = this.#ask(state, this.#components.transport.connected().slice(0, maxNeighboursAsked));
    const known = this.#search.find(names, false, signal).then((found) => this.#ask(state, found));
    if (!state.isAnnounced) {
      state.isAnnounced = true;
      await this.#search.announce(namesOf(state.topic), signal);
    }
    await this.#ask(state, await this.#search.find(names, true, signal));
    await Promise.all([known, neighbours]);
  }

  async #ask(state: PublishedTopic, found: Iterable<NodeId>): Promise<void> {
    const unasked = [...found].filter((nodeId) => !state.asked.has(nodeId));
    for (const nodeId of unasked) state.asked.add(nodeId);
    await this.#search.each(unasked, (nodeId) => this.#announceTo(state, nodeId));
  }

  async #announceTo(state: PublishedTopic, nodeId: NodeId): Promise<void> {
    try {
      const { transport } = this.#components;
      const options = { timeoutMs: this.#settings.pubsubAckTimeoutMs, signal: this.#stopped.signal };
      const patterns = readInterest(await transport.request(nodeId, FrameType.pubsubAnnounce, announceBody(state.topic, this.born), options));
      if (patterns.length > 0) this.#add(nodeId, patterns.filter(({ pattern }) => matches(pattern, state.topic)));
    } catch (error) {
      state.asked.delete(nodeId);
      state.unreached.add(nodeId);
      throw error;
    }
  }

  #subscribe(patterns: readonly WirePattern[], from: NodeId): unknown {
    try {
      if (patterns.length > 0) this.#add(from, patterns);
    } catch (error) {
      if (MaculaError.from(error).code === 'MACULA_OVERLOADED') this.#components.counters.refused.limit++;
      throw error;
    }
    return doneBody(this.born);
  }

  #add(nodeId: NodeId, patterns: readonly WirePattern[]): void {
    const { events, transport } = this.#components;
    const { subscriber, isNew } = this.#table.add(nodeId, patterns);
    subscriber.outbox.addresses = transport.addressesOf(nodeId);
    if (isNew) events.emit('subscriberAdded', { nodeId });
    // One that comes back learns from the positions what it missed.
    let introductions = 0;
    for (const state of this.#topics.latest()) {
      if (!patterns.some(({ pattern }) => matches(pattern, state.topic))) continue;
      for (const stream of state.streams()) {
        this.#fanOut.introduce(subscriber, stream, signedNext(state, stream));
      }
      if (++introductions >= maxIntroductions) break;
    }
  }

  #unsubscribe(patterns: readonly string[], from: NodeId): unknown {
    this.#remove(from, patterns, 'unsubscribed');
    return doneBody(this.born);
  }

  #remove(nodeId: NodeId, patterns: Iterable<string>, reason: PubSubEvents['subscriberRemoved']['reason']): RemoteSubscriber | undefined {
    const removed = this.#table.remove(nodeId, patterns);
    if (!removed) return undefined;
    for (const state of this.#topics.latest()) state.asked.delete(nodeId);
    if (reason === 'unsubscribed') removed.outbox.leave();
    else removed.outbox.end('gone');
    this.#components.events.emit('subscriberRemoved', { nodeId, reason });
    return removed;
  }

  #dead(nodeId: NodeId): void {
    const subscriber = this.#table.get(nodeId);
    if (!subscriber) return;
    const patterns = [...subscriber.patterns].map(([pattern, qos]) => ({ pattern, qos }));
    this.#components.counters.subscribersLost++;
    this.#remove(nodeId, subscriber.patterns.keys(), 'dead');
    this.#revive(nodeId, patterns, this.#components.clock.nowMs() + this.#settings.pubsubReplayAgeMs);
  }

  /** A subscriber that answers again while what it missed can still be replayed is taken back. */
  #revive(nodeId: NodeId, patterns: readonly WirePattern[], untilMs: number): void {
    const { clock, transport } = this.#components;
    const topic = [...this.#topics.latest()].find((state) => patterns.some(({ pattern }) => matches(pattern, state.topic)))?.topic;
    if (topic === undefined) return;
    clock.setTimer(revivalMs, () => {
      if (this.#stopped.signal.aborted || this.#table.get(nodeId) || clock.nowMs() > untilMs) return;
      const options = { timeoutMs: this.#settings.pubsubAckTimeoutMs, signal: this.#stopped.signal };
      transport.request(nodeId, FrameType.pubsubAnnounce, announceBody(topic, this.born), options).then(
        (reply) => {
          if (readInterest(reply).length > 0) this.#add(nodeId, patterns);
        },
        () => this.#revive(nodeId, patterns, untilMs),
      ).catch((error: unknown) => this.#components.logger.debug('a subscriber that came back was refused', { nodeId, error: MaculaError.from(error).message }));
    });
  }

  #answered(nodeId: NodeId, { unwanted }: PublishAck): void {
    const subscriber = this.#table.get(nodeId);
    if (!subscriber) return;
    for (const topic of unwanted) this.#remove(nodeId, [...subscriber.patterns.keys()].filter((pattern) => matches(pattern, topic)), 'unsubscribed');
  }

  #replay(body: unknown): unknown {
    const { epoch, from, to } = readReplay(body);
    const { clock, counters } = this.#components;
    const stream = this.#topics.byEpoch(epoch);
    counters.replaysServed++;
    return replayReplyBody(stream ? stream.replay(from, to, clock.nowMs()) : { oldest: Math.min(to + 1, Number.MAX_SAFE_INTEGER), bundles: [] });
  }

  #schedule(outbox: Pumped): void {
    this.#dirty.add(outbox);
    this.#turn.schedule();
  }

  /** Signs and hands out what was published in this turn, then lets every outbox send. */
  #flush(): void {
    if (this.#stopped.signal.aborted) return;
    const nowMs = this.#components.clock.nowMs();
    for (const state of this.#dirtyTopics) {
      const dueMs = state.dueMs(nowMs);
      if (dueMs > nowMs) {
        this.#flushLater(state, dueMs - nowMs);
        continue;
      }
      this.#dirtyTopics.delete(state);
      this.#sendPending(state, 0);
      this.#sendPending(state, 1);
    }
    for (const outbox of this.#dirty) outbox.pump();
    this.#dirty.clear();
  }

  /** When subscribers have acknowledged what is under way, or the time is over, whatever is first. */
  #flushLater(state: PublishedTopic, delayMs: number): void {
    if (this.#lingering.has(state)) return;
    this.#lingering.add(state);
    const timer = this.#components.clock.setTimer(delayMs, () => end());
    const end = (): void => {
      timer.cancel();
      if (this.#lingering.delete(state)) this.#turn.schedule();
    };
    void state.last?.delivery.done.then(end);
  }

  #sendPending(state: PublishedTopic, qos: Qos): void {
    const pending = state.takePending(qos);
    if (!pending) return;
    const { clock, codec, counters } = this.#components;
    const { stream, first, bodies } = pending;
    const sentMs = Math.floor(clock.wallMs());
    const signed = codec.sign({ epoch: stream.epoch, topic: state.topic, qos, first, sentMs, bodies });
    counters.bundlesSigned++;
    stream.keep(first, bodies.length, signed, clock.nowMs());
    const delivery = new Delivery();
    state.last = { delivery, atMs: clock.nowMs() };
    const bundle = { topic: state.topic, signed, bytes: signed.payload.length + signed.signature.length, messages: bodies.length, qos };
    this.#fanOut.send(stream, first, bundle, delivery);
    if (this.#components.local.has(state.topic)) this.#deliverHere(stream, first, bodies, sentMs, delivery);
    delivery.close();
    pending.resolve(delivery);
  }

  #deliverHere({ epoch, topic, qos }: PublishedStream, first: number, bodies: readonly Uint8Array[], sentMs: number, delivery: Delivery): void {
    const { nodeId: publisher, local } = this.#components;
    const time = new Date(sentMs).toISOString();
    delivery.expect();
    for (const [index, payload] of bodies.entries()) {
      const seq = first + index;
      local.deliver({ topic, payload, publisher, seq, messageId: messageIdOf(publisher, epoch, seq), qos, sentAt: time, receivedAt: time });
    }
    delivery.settle('acknowledged');
  }

  /** Tells the positions of topics that fell silent, and looks for subscribers again. */
  #watch(): void {
    const { clock, transport } = this.#components;
    this.#timer = clock.setTimer(this.#settings.pubsubHeartbeatMs, () => {
      const nowMs = clock.nowMs();
      for (const state of this.#topics.latest()) {
        for (const stream of state.silentStreams(nowMs, this.#settings.pubsubHeartbeatMs)) this.#fanOut.tell(stream, signedNext(state, stream));
        if (state.unreached.size > 0) void this.#ask(state, state.takeUnreached(transport.connected()));
        if (state.nextSearchMs > nowMs) continue;
        state.nextSearchMs = nowMs + this.#settings.pubsubRefreshMs;
        void this.#discover(state);
      }
      this.#watch();
    });
  }
}

/** Number of the next message of a stream that is not signed yet. */
function signedNext(state: PublishedTopic, stream: PublishedStream): number {
  return stream.next - state.pendingSize(stream.qos).messages;
}

function namesOf(topic: string): string[] {
  return prefixesOf(topic).map(publisherName);
}

function untilEnd<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  return signal ? untilAborted(promise, signal) : promise;
}

function stoppedError(): MaculaError {
  return new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running');
}
