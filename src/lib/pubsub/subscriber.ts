import { delay } from '../base/abort.js';
import type { Timer } from '../base/clock.js';
import type { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { FrameType } from '../wire/frame-type.js';
import {
  interestBody, maxPatterns, publishAckBody, readAnnounce, readDone, readPublish, readReplayReply, replayBody, subscribeBody, unsubscribeBody,
  type PublishMessage, type SignedBundle, type WirePattern,
} from '../wire/pubsub-messages.js';
import type { BundleCodec, PublishedBundle } from './bundle.js';
import { Delegate } from './delegate.js';
import type { Forwarder } from './forwarder.js';
import { FrameOrder } from './frame-order.js';
import type { LocalSubscriptions } from './local-subscriptions.js';
import type { PubSubPorts } from './ports.js';
import type { PubSubCounters, PubSubEvents, PubSubSettings } from './pubsub-types.js';
import { Receiver } from './receiver.js';
import { literalPrefix, publisherName, subscriberName } from './topic.js';
import { TopicSearch } from './topic-search.js';

/** Publishers remembered, those heard of last. */
const maxPublishers = 10_000;
/** Pauses between attempts to get missing messages; after the last the publisher counts as gone. */
const replayPausesMs = [0, 500, 1500, 3000];
/** Nodes that come up together are looked at together. */
const settleMs = 500;

/** A node that publishes something this one subscribed to. */
interface KnownPublisher {
  /** Smallest epoch of its streams; undefined until it said so. */
  born: number | undefined;
  /** Patterns it was told. */
  readonly patterns: Set<string>;
}

export interface SubscriberComponents extends PubSubPorts {
  readonly codec: BundleCodec;
  readonly counters: PubSubCounters;
  readonly events: Emitter<PubSubEvents>;
  readonly local: LocalSubscriptions;
  readonly forwarder: Pick<Forwarder, 'forward'>;
}

/** The subscribing half: makes itself found, finds publishers, and takes what they send. */
export class Subscriber {
  readonly #components: SubscriberComponents;
  readonly #settings: PubSubSettings;
  readonly #search: TopicSearch;
  readonly #receiver: Receiver;
  readonly #publishers = new Map<NodeId, KnownPublisher>();
  /** By peer: what it publishes, and what it passes on for others. */
  readonly #links = new Map<NodeId, FrameOrder<PublishMessage>>();
  readonly #forwards = new Map<NodeId, FrameOrder<PublishMessage>>();
  readonly #delegate: Delegate;
  readonly #stopped = new AbortController();
  /** By pattern: resolves once this node can be found under it and told the publishers it found. */
  readonly #wanting = new Map<string, Promise<void>>();
  #unlisten: (() => void)[] = [];
  #timer: Timer | undefined;
  #settleTimer: Timer | undefined;

  constructor(components: SubscriberComponents, settings: PubSubSettings) {
    this.#components = components;
    // Every request under way listens.
    this.#settings = settings;
    this.#search = new TopicSearch(components, settings.pubsubMaxAdvertised);
    this.#receiver = new Receiver({ ...components, replay: (publisher, epoch, from, to) => this.#replay(publisher, epoch, from, to) });
    this.#delegate = new Delegate({ ...components, take: (signed, from, unwanted) => this.#takeBundle(signed, from, unwanted) }, settings);
  }

  start(): void {
    const { transport, local } = this.#components;
    transport.serve(FrameType.publish, FrameType.publishAck, (body, from) => this.#receive(this.#links, readPublish(body), from, (signed, unwanted) => this.#takeBundle(signed, from, unwanted)));
    transport.serve(FrameType.pubsubForward, FrameType.publishAck, (body, from) => this.#receive(this.#forwards, readPublish(body), from, (signed) => this.#takeForwarded(signed)));
    transport.serve(FrameType.pubsubRoute, FrameType.pubsubRouted, (body, from) => this.#delegate.route(body, from));
    transport.serve(FrameType.pubsubAnnounce, FrameType.pubsubInterest, (body, from) => this.#announced(body, from));
    this.#unlisten = [
      local.on('wanted', (pattern) => this.#begin(pattern)),
      local.on('unwanted', ({ pattern }) => this.#unwant(pattern)),
      transport.listen({ opened: (nodeId) => this.#opened(nodeId), closed: (nodeId) => this.#closed(nodeId) }),
    ];
    for (const pattern of local.patterns()) this.#begin(pattern);
    this.#refreshLater();
  }

  /** Tells publishers that nothing is wanted any more, as far as they answer within `farewellMs`. */
  async stop(farewellMs: number): Promise<void> {
    for (const remove of this.#unlisten.splice(0)) remove();
    this.#timer?.cancel();
    this.#settleTimer?.cancel();
    const farewells = [...this.#publishers].map(([nodeId, { patterns }]) => this.#say(nodeId, FrameType.unsubscribe, [...patterns], farewellMs));
    await Promise.allSettled(farewells);
    this.#stopped.abort(new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running'));
  }

  get duplicates(): number {
    return this.#receiver.duplicates;
  }

  publisherIds(): NodeId[] {
    return [...this.#publishers.keys()];
  }

  /** Resolves once publishers know of the pattern, as far as they could be found. */
  ready(pattern: string): Promise<void> {
    return this.#wanting.get(pattern) ?? Promise.resolve();
  }

  #begin(pattern: WirePattern): void {
    this.#wanting.set(pattern.pattern, this.#want(pattern));
  }

  async #want(pattern: WirePattern): Promise<void> {
    const { signal } = this.#stopped;
    // A publisher known already need not be found first.
    for (const [nodeId, { patterns }] of this.#publishers) if (patterns.has(pattern.pattern)) this.#subscribeAt(nodeId, [pattern]);
    const prefix = literalPrefix(pattern.pattern);
    await this.#search.announce([subscriberName(prefix)], signal);
    await this.#seek(pattern);
  }

  #unwant(pattern: string): void {
    this.#wanting.delete(pattern);
    this.#search.withdraw([subscriberName(literalPrefix(pattern))]);
    this.#receiver.forgetUnwanted();
    for (const [nodeId, publisher] of this.#publishers) {
      if (!publisher.patterns.delete(pattern)) continue;
      void this.#say(nodeId, FrameType.unsubscribe, [pattern], this.#settings.pubsubAckTimeoutMs).catch(() => undefined);
      if (publisher.patterns.size === 0) this.#publishers.delete(nodeId);
    }
  }

  /** Finds publishers of what the pattern may match, and subscribes there. */
  async #seek(pattern: WirePattern): Promise<void> {
    const found = await this.#search.find([publisherName(literalPrefix(pattern.pattern))], true, this.#stopped.signal);
    await this.#search.each(found, async (nodeId) => {
      if (this.#isWanted(pattern.pattern)) await this.#subscribeTo(nodeId, [pattern]);
    });
  }

  #isWanted(pattern: string): boolean {
    return this.#components.local.patterns().some((wanted) => wanted.pattern === pattern);
  }

  #subscribeAt(nodeId: NodeId, patterns: readonly WirePattern[]): void {
    void this.#search.each([nodeId], () => this.#subscribeTo(nodeId, patterns));
  }

  async #subscribeTo(nodeId: NodeId, patterns: readonly WirePattern[]): Promise<void> {
    const publisher = this.#publisher(nodeId);
    for (const { pattern } of patterns) publisher.patterns.add(pattern);
    try {
      for (let at = 0; at < patterns.length; at += maxPatterns) {
        const options = { timeoutMs: this.#settings.pubsubAckTimeoutMs, signal: this.#stopped.signal };
        publisher.born = readDone(await this.#components.transport.request(nodeId, FrameType.subscribe, subscribeBody(patterns.slice(at, at + maxPatterns)), options));
      }
    } catch (error) {
      for (const { pattern } of patterns) publisher.patterns.delete(pattern);
      if (publisher.patterns.size === 0) this.#publishers.delete(nodeId);
      throw error;
    }
  }

  async #say(nodeId: NodeId, type: typeof FrameType.unsubscribe, patterns: readonly string[], timeoutMs: number): Promise<void> {
    for (let at = 0; at < patterns.length; at += maxPatterns) {
      await this.#components.transport.request(nodeId, type, unsubscribeBody(patterns.slice(at, at + maxPatterns)), { timeoutMs, signal: this.#stopped.signal });
    }
  }

  #publisher(nodeId: NodeId): KnownPublisher {
    const known = this.#publishers.get(nodeId);
    if (known) return known;
    if (this.#publishers.size >= maxPublishers) this.#publishers.delete(this.#publishers.keys().next().value!);
    const publisher: KnownPublisher = { born: undefined, patterns: new Set() };
    this.#publishers.set(nodeId, publisher);
    return publisher;
  }

  #announced(body: unknown, from: NodeId): unknown {
    const { topic, born } = readAnnounce(body);
    const patterns = this.#components.local.patternsFor(topic);
    if (patterns.length > 0) {
      const publisher = this.#publisher(from);
      publisher.born = born;
      for (const { pattern } of patterns.slice(0, maxPatterns)) publisher.patterns.add(pattern);
    }
    return interestBody(patterns);
  }

  #receive(orders: Map<NodeId, FrameOrder<PublishMessage>>, frame: PublishMessage, from: NodeId, take: (signed: SignedBundle, unwanted: Set<string>) => void): unknown {
    let order = orders.get(from);
    if (!order) {
      const takeFrame = ({ first, bundles }: PublishMessage): unknown => {
        const unwanted = new Set<string>();
        for (const signed of bundles) take(signed, unwanted);
        return publishAckBody({ next: first + bundles.length, unwanted: [...unwanted] });
      };
      orders.set(from, (order = new FrameOrder(takeFrame, (next) => publishAckBody({ next, unwanted: [] }), this.#components.counters)));
    }
    return order.receive(frame);
  }

  /** Takes a bundle that its publisher sent; undefined when somebody else did. */
  #takeBundle(signed: SignedBundle, from: NodeId, unwanted: Set<string>): PublishedBundle | undefined {
    const bundle = this.#open(signed);
    if (bundle.publisher !== from) return void this.#components.counters.refused.foreign++;
    if (!this.#receiver.take(bundle)) unwanted.add(bundle.topic);
    else this.#note(from, bundle);
    return bundle;
  }

  /** Takes a bundle that was passed on for a publisher this node subscribed at; an old one could be anybody's repetition. */
  #takeForwarded(signed: SignedBundle): void {
    const bundle = this.#open(signed);
    const born = this.#publishers.get(bundle.publisher)?.born;
    if (born !== undefined && bundle.epoch >= born && this.#receiver.take(bundle)) return;
    this.#components.counters.refused.foreign++;
    throw new MaculaError('MACULA_NO_SUBSCRIBERS', 'this node did not subscribe to that at its publisher');
  }

  #open(signed: SignedBundle): PublishedBundle {
    try {
      return this.#components.codec.open(signed);
    } catch (error) {
      this.#components.counters.refused.signature++;
      throw error;
    }
  }

  /** A publisher that found this node is one to subscribe at again after a lost connection. */
  #note(from: NodeId, { topic }: PublishedBundle): void {
    if (this.#publishers.has(from)) return;
    const publisher = this.#publisher(from);
    for (const { pattern } of this.#components.local.patternsFor(topic)) publisher.patterns.add(pattern);
  }

  async #replay(publisher: NodeId, epoch: number, from: number, to: number): Promise<{ oldest: number; bundles: PublishedBundle[] } | undefined> {
    const { transport, clock, codec, counters, logger } = this.#components;
    const { signal } = this.#stopped;
    for (const pauseMs of replayPausesMs) {
      try {
        await delay(clock, pauseMs, signal);
        const reply = await transport.request(publisher, FrameType.replay, replayBody({ epoch, from, to }), { timeoutMs: this.#settings.pubsubAckTimeoutMs, signal });
        const { oldest, bundles } = readReplayReply(reply);
        return { oldest, bundles: bundles.map((bundle) => codec.open(bundle)) };
      } catch (error) {
        const { code, message } = MaculaError.from(error);
        if (signal.aborted) return undefined;
        if (code === 'MACULA_PROTOCOL_VIOLATION') counters.refused.signature++;
        logger.debug('missing messages could not be fetched', { publisher, code, error: message });
      }
    }
    return undefined;
  }

  #opened(nodeId: NodeId): void {
    const publisher = this.#publishers.get(nodeId);
    if (publisher) this.#subscribeAt(nodeId, this.#components.local.patterns().filter(({ pattern }) => publisher.patterns.has(pattern)));
    // Before its first peers came, this node could be found by nobody and find nobody.
    this.#settleTimer ??= this.#components.clock.setTimer(settleMs, () => {
      this.#settleTimer = undefined;
      this.#refresh();
    });
  }

  #closed(nodeId: NodeId): void {
    for (const orders of [this.#links, this.#forwards]) {
      orders.get(nodeId)?.clear();
      orders.delete(nodeId);
    }
    this.#delegate.closed(nodeId);
  }

  #refreshLater(): void {
    const { clock, random } = this.#components;
    this.#timer = clock.setTimer(this.#settings.pubsubRefreshMs * (1 - random.float() / 4), () => {
      this.#refresh();
      this.#refreshLater();
    });
  }

  /** Subscribes again everywhere, once for all patterns that are looked for under one name. */
  #refresh(): void {
    const byName = new Map<string, WirePattern[]>();
    for (const pattern of this.#components.local.patterns()) {
      const name = publisherName(literalPrefix(pattern.pattern));
      byName.set(name, [...(byName.get(name) ?? []), pattern]);
    }
    for (const [name, patterns] of byName) {
      void this.#search.find([name], true, this.#stopped.signal).then((found) => this.#search.each(found, (nodeId) => this.#subscribeTo(nodeId, patterns)));
    }
  }
}
