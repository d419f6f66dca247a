import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import { throwIfAborted } from '../base/abort.js';
import type { Logger } from '../base/logger.js';
import type { WirePattern } from '../wire/pubsub-messages.js';
import type { PubSubGap, PubSubMessage, PubSubSettings, Qos, SubscribeOptions } from './pubsub-types.js';
import { Subscription } from './subscription.js';
import { checkPattern } from './topic.js';
import { TopicTrie } from './topic-trie.js';

export interface LocalSubscriptionEvents {
  /** The first subscription with this pattern, or one that wants more than those before. */
  wanted: WirePattern;
  /** The last subscription with this pattern ended. */
  unwanted: { pattern: string };
}

/** Topics whose subscriptions are remembered until any changes. */
const maxRemembered = 1000;

/** The subscriptions of programs on this node. They outlive restarts of what delivers to them. */
export class LocalSubscriptions {
  readonly #settings: Pick<PubSubSettings, 'pubsubQueueMessages' | 'pubsubQueueBytes' | 'pubsubMaxSubscriptions'>;
  readonly #logger: Logger;
  readonly #trie = new TopicTrie<Subscription>();
  readonly #byPattern = new Map<string, Set<Subscription>>();
  readonly #events = new Emitter<LocalSubscriptionEvents>();
  readonly #matches = new Map<string, readonly Subscription[]>();

  constructor(components: { logger: Logger }, settings: Pick<PubSubSettings, 'pubsubQueueMessages' | 'pubsubQueueBytes' | 'pubsubMaxSubscriptions'>) {
    this.#logger = components.logger;
    this.#settings = settings;
  }

  get size(): number {
    return this.#trie.size;
  }

  on<Name extends keyof LocalSubscriptionEvents>(name: Name, listener: (value: LocalSubscriptionEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** @throws MaculaError MACULA_INVALID_VALUE, MACULA_OVERLOADED, MACULA_ABORTED */
  add(pattern: string, options: SubscribeOptions, listener?: (message: PubSubMessage) => void): Subscription {
    throwIfAborted(options.signal);
    checkPattern(pattern);
    const { pubsubMaxSubscriptions, pubsubQueueMessages, pubsubQueueBytes } = this.#settings;
    if (this.#trie.size >= pubsubMaxSubscriptions) {
      throw new MaculaError('MACULA_OVERLOADED', 'too many subscriptions', { details: { limit: 'pubsubMaxSubscriptions', value: pubsubMaxSubscriptions } });
    }
    const all = { ...options, queueMessages: options.queueMessages ?? pubsubQueueMessages, queueBytes: pubsubQueueBytes };
    const subscription: Subscription = new Subscription(pattern, all, listener && this.#guarded(listener), () => this.#remove(subscription));
    const before = this.#qosOf(pattern);
    let same = this.#byPattern.get(pattern);
    if (!same) this.#byPattern.set(pattern, (same = new Set()));
    same.add(subscription);
    this.#trie.add(pattern, subscription);
    this.#matches.clear();
    if (before === undefined || before < subscription.qos) this.#events.emit('wanted', { pattern, qos: subscription.qos });
    return subscription;
  }

  /** Every pattern with the best delivery anybody wants of it. */
  patterns(): WirePattern[] {
    return [...this.#byPattern.keys()].map((pattern) => ({ pattern, qos: this.#qosOf(pattern)! }));
  }

  /** The patterns that match the topic. */
  patternsFor(topic: string): WirePattern[] {
    return [...new Set(this.match(topic).map(({ pattern }) => pattern))].map((pattern) => ({ pattern, qos: this.#qosOf(pattern)! }));
  }

  match(topic: string): readonly Subscription[] {
    const known = this.#matches.get(topic);
    if (known) return known;
    const found = [...this.#trie.match(topic)];
    if (this.#matches.size >= maxRemembered) this.#matches.clear();
    this.#matches.set(topic, found);
    return found;
  }

  /** The best delivery wanted of the topic; undefined when nobody subscribed to it. */
  wantedQos(topic: string): Qos | undefined {
    let best: Qos | undefined;
    for (const { qos } of this.match(topic)) if (best === undefined || qos > best) best = qos;
    return best;
  }

  deliver(message: PubSubMessage): void {
    for (const subscription of this.match(message.topic)) subscription.push(message);
  }

  gap(gap: PubSubGap): void {
    for (const subscription of this.match(gap.topic)) subscription.pushGap(gap);
  }

  /** Ends all subscriptions. @param error what those who read them get */
  closeAll(error?: MaculaError): void {
    for (const subscriptions of [...this.#byPattern.values()]) for (const subscription of [...subscriptions]) subscription.close(error);
  }

  #qosOf(pattern: string): Qos | undefined {
    let best: Qos | undefined;
    for (const { qos } of this.#byPattern.get(pattern) ?? []) if (best === undefined || qos > best) best = qos;
    return best;
  }

  #remove(subscription: Subscription): void {
    const { pattern } = subscription;
    this.#trie.delete(pattern, subscription);
    this.#matches.clear();
    const same = this.#byPattern.get(pattern);
    same?.delete(subscription);
    if (!same || same.size > 0) return;
    this.#byPattern.delete(pattern);
    this.#events.emit('unwanted', { pattern });
  }

  /** A listener that throws must not keep a message from other subscriptions. */
  #guarded(listener: (message: PubSubMessage) => void): (message: PubSubMessage) => void {
    return (message) => {
      try {
        listener(message);
      } catch (error) {
        this.#logger.error('a listener of a subscription failed', { error: error instanceof Error ? error.stack : String(error), topic: message.topic });
      }
    };
  }
}
