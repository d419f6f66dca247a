import { throwIfAborted } from '../base/abort.js';
import { Emitter } from '../base/emitter.js';
import type { Service } from '../base/lifecycle.js';
import { BundleCodec } from './bundle.js';
import { Forwarder } from './forwarder.js';
import type { LocalSubscriptions } from './local-subscriptions.js';
import type { PubSubPorts } from './ports.js';
import { Publisher } from './publisher.js';
import { PubSubCounters, type PublishOptions, type PublishResult, type PubSubEvents, type PubSubSettings, type PubSubStats } from './pubsub-types.js';
import { Subscriber } from './subscriber.js';

/** Connections kept open for publishers and for subscribers, of each: a quarter of the pool. */
const maxKept = 256;

/** How long taking leave of publishers may hold up the end of a node. */
const farewellMs = 1000;

export interface PubSubComponents extends PubSubPorts {
  readonly local: LocalSubscriptions;
}

/**
 * Publish/subscribe of a node: sends messages straight to the nodes that subscribed to their topic, and hands what others
 * publish to the subscriptions of this one.
 */
export class PubSub implements Service {
  readonly #components: PubSubComponents;
  readonly #counters = new PubSubCounters();
  readonly #events = new Emitter<PubSubEvents>();
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #forwarder: Forwarder;
  #isRunning = false;

  constructor(components: PubSubComponents, settings: PubSubSettings) {
    this.#components = components;
    const { local, realmId } = components;
    const shared = { ...components, codec: new BundleCodec(components, realmId), counters: this.#counters, events: this.#events };
    const here = { has: (topic: string) => local.match(topic).length > 0, deliver: local.deliver.bind(local) };
    this.#publisher = new Publisher({ ...shared, local: here }, settings);
    this.#forwarder = new Forwarder(shared, settings);
    this.#subscriber = new Subscriber({ ...shared, forwarder: this.#forwarder }, settings);
    const keep = (): void => components.transport.keep([...new Set([...this.#publisher.subscriberIds().slice(0, maxKept), ...this.#subscriber.publisherIds().slice(0, maxKept)])]);
    this.#events.on('subscriberAdded', keep);
    this.#events.on('subscriberRemoved', keep);
  }

  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#publisher.start();
    this.#subscriber.start();
  }

  /** Unsubscribes everywhere, and drops what still waits for subscribers. The subscriptions of programs stay. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#publisher.stop();
    this.#forwarder.stop();
    await this.#subscriber.stop(farewellMs);
    this.#components.transport.keep([]);
  }

  on<Name extends keyof PubSubEvents>(name: Name, listener: (value: PubSubEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Publishes a message. With QoS 0 it resolves when the message is on its way, with QoS 1 when it is known of every
   * subscriber whether it acknowledged the message. The first message to a topic waits until subscribers were looked for.
   * @param payload at most maxFrameBytes
   * @throws MaculaError MACULA_INVALID_VALUE (topic), MACULA_VALUE_TOO_LARGE, MACULA_NO_SUBSCRIBERS, MACULA_OVERLOADED, MACULA_ABORTED
   */
  publish(topic: string, payload: Uint8Array, options: PublishOptions = {}): Promise<PublishResult> {
    return this.#publisher.publish(topic, payload, options);
  }

  /** Resolves once publishers were told of a pattern subscribed to on this node, as far as they could be found. */
  ready(pattern: string): Promise<void> {
    return this.#subscriber.ready(pattern);
  }

  stats(): PubSubStats {
    const { messagesDropped, refused, ...counters } = this.#counters;
    return {
      ...counters,
      ...this.#publisher.sizes(),
      subscriptions: this.#components.local.size,
      publishers: this.#subscriber.publisherIds().length,
      duplicates: this.#subscriber.duplicates,
      messagesForwarded: this.#forwarder.messagesForwarded,
      messagesDropped: { ...messagesDropped },
      refused: { ...refused },
    };
  }
}
