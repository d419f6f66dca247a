import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { Qos, WirePattern } from '../wire/pubsub-messages.js';
import { Outbox, type OutboxComponents, type OutboxOwner } from './outbox.js';
import type { PubSubSettings } from './pubsub-types.js';
import { matches, topicProblem } from './topic.js';
import { TopicTrie } from './topic-trie.js';

/** A node that subscribed to something this one may publish. */
export interface RemoteSubscriber {
  readonly nodeId: NodeId;
  /** By pattern, the best delivery it wants. */
  readonly patterns: Map<string, Qos>;
  readonly outbox: Outbox;
  /** Epochs of the streams whose beginning it was told. */
  readonly introduced: Set<number>;
}

/** A subscriber of one topic. */
export interface Recipient {
  readonly subscriber: RemoteSubscriber;
  readonly qos: Qos;
}

/** Topics whose subscribers are remembered until any changes. */
const maxRemembered = 1000;

/** Who subscribed to what at this publisher. */
export class SubscriberTable {
  readonly #settings: PubSubSettings;
  readonly #components: OutboxComponents;
  readonly #ownerOf: (nodeId: NodeId) => OutboxOwner;
  readonly #subscribers = new Map<NodeId, RemoteSubscriber>();
  readonly #trie = new TopicTrie<RemoteSubscriber>();
  readonly #recipients = new Map<string, readonly Recipient[]>();

  /** @param ownerOf who hears what becomes of a subscriber's outbox */
  constructor(components: OutboxComponents, settings: PubSubSettings, ownerOf: (nodeId: NodeId) => OutboxOwner) {
    this.#components = components;
    this.#settings = settings;
    this.#ownerOf = ownerOf;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  list(): Iterable<RemoteSubscriber> {
    return this.#subscribers.values();
  }

  get(nodeId: NodeId): RemoteSubscriber | undefined {
    return this.#subscribers.get(nodeId);
  }

  /**
   * Adds patterns of a node. Returns it, and whether it is new.
   * @throws MaculaError MACULA_PROTOCOL_VIOLATION for what is no pattern, MACULA_OVERLOADED
   */
  add(nodeId: NodeId, patterns: readonly WirePattern[]): { subscriber: RemoteSubscriber; isNew: boolean } {
    for (const { pattern } of patterns) {
      const problem = topicProblem(pattern, true);
      if (problem !== undefined) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', `a subscription to what is no pattern: ${problem}`);
    }
    const known = this.#subscribers.get(nodeId);
    const { pubsubMaxSubscribers, pubsubMaxPatterns } = this.#settings;
    if (!known && this.#subscribers.size >= pubsubMaxSubscribers) throw overloaded('pubsubMaxSubscribers', pubsubMaxSubscribers);
    const added = patterns.filter(({ pattern }) => !known?.patterns.has(pattern)).length;
    if ((known?.patterns.size ?? 0) + added > pubsubMaxPatterns) throw overloaded('pubsubMaxPatterns', pubsubMaxPatterns);
    const subscriber = known ?? { nodeId, patterns: new Map(), outbox: new Outbox(nodeId, this.#components, this.#settings, this.#ownerOf(nodeId)), introduced: new Set() };
    this.#subscribers.set(nodeId, subscriber);
    for (const { pattern, qos } of patterns) {
      subscriber.patterns.set(pattern, qos);
      this.#trie.add(pattern, subscriber);
    }
    this.#recipients.clear();
    return { subscriber, isNew: !known };
  }

  /** Takes patterns of a node away. Returns the node if it has none left and was removed. */
  remove(nodeId: NodeId, patterns: Iterable<string>): RemoteSubscriber | undefined {
    const subscriber = this.#subscribers.get(nodeId);
    if (!subscriber) return undefined;
    for (const pattern of [...patterns]) if (subscriber.patterns.delete(pattern)) this.#trie.delete(pattern, subscriber);
    this.#recipients.clear();
    if (subscriber.patterns.size > 0) return undefined;
    this.#subscribers.delete(nodeId);
    return subscriber;
  }

  /** Who gets messages to the topic. */
  recipients(topic: string): readonly Recipient[] {
    const known = this.#recipients.get(topic);
    if (known) return known;
    const found = [...this.#trie.match(topic)].map((subscriber) => ({ subscriber, qos: qosFor(subscriber, topic) }));
    if (this.#recipients.size >= maxRemembered) this.#recipients.clear();
    this.#recipients.set(topic, found);
    return found;
  }
}

function qosFor({ patterns }: RemoteSubscriber, topic: string): Qos {
  for (const [pattern, qos] of patterns) if (qos === 1 && matches(pattern, topic)) return 1;
  return 0;
}

function overloaded(limit: string, value: number): MaculaError {
  return new MaculaError('MACULA_OVERLOADED', 'too many subscriptions at this publisher', { details: { limit, value } });
}
