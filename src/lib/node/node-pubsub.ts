import { withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import type { LocalSubscriptions } from '../pubsub/local-subscriptions.js';
import type { PublishOptions, PublishResult, PubSubMessage, PubSubStats, SubscribeOptions } from '../pubsub/pubsub-types.js';
import type { Subscription } from '../pubsub/subscription.js';
import type { NodeParts } from './node-parts.js';

/**
 * Publish/subscribe of a node (docs/PUBSUB.md).
 *
 * ```ts
 * for await (const { topic, payload } of node.pubsub.subscribe('sensors.*.temperature')) …
 * await node.pubsub.publish('sensors.kitchen.temperature', '21.5', { qos: 1 });
 * ```
 */
export class NodePubSub {
  readonly #parts: NodeParts;
  readonly #subscriptions: LocalSubscriptions;
  readonly #clock: Clock;
  readonly #settings: Pick<Settings, 'pubsubDiscoveryMs'>;

  constructor(components: { parts: NodeParts; subscriptions: LocalSubscriptions; clock: Clock }, settings: Pick<Settings, 'pubsubDiscoveryMs'>) {
    this.#parts = components.parts;
    this.#subscriptions = components.subscriptions;
    this.#clock = components.clock;
    this.#settings = settings;
  }

  /**
   * Publishes a message to a topic. With QoS 0 it resolves when the message is on its way, with QoS 1 when it is known
   * of every subscriber whether it acknowledged the message, which the result counts.
   * @param payload at most 1 MiB; text is sent as UTF-8
   * @throws MaculaError MACULA_INVALID_VALUE, MACULA_VALUE_TOO_LARGE, MACULA_NO_SUBSCRIBERS, MACULA_OVERLOADED, MACULA_ABORTED, MACULA_NO_NODE
   */
  async publish(topic: string, payload: Uint8Array | string, options: PublishOptions = {}): Promise<PublishResult> {
    // The caller may use its memory again before the message is signed.
    const bytes = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : Uint8Array.from(payload);
    return this.#parts.running('pubsub').publish(topic, bytes, options);
  }

  /**
   * Subscribes to a topic or pattern until the subscription is closed, its signal aborts, or the node stops. Read it with
   * `for await`, or give a listener, which is called with each message as it comes. May be called before the node has started.
   * @param pattern `*` stands for one token, a last `>` for one or more
   * @throws MaculaError MACULA_INVALID_VALUE, MACULA_OVERLOADED, MACULA_ABORTED
   */
  subscribe(pattern: string, options: SubscribeOptions = {}, listener?: (message: PubSubMessage) => void): Subscription {
    return this.#subscriptions.add(pattern, options, listener);
  }

  /**
   * Resolves when publishers were told of the subscription, as far as they could be found: what is published from now on
   * arrives. Waits no longer than the setting pubsubDiscoveryMs.
   * @throws MaculaError MACULA_ABORTED, MACULA_NO_NODE
   */
  async ready(subscription: Subscription, options: { signal?: AbortSignal } = {}): Promise<void> {
    const pubsub = this.#parts.running('pubsub');
    try {
      await withTimeout(this.#clock, this.#settings.pubsubDiscoveryMs, 'telling publishers', options.signal, () => pubsub.ready(subscription.pattern));
    } catch (error) {
      if (MaculaError.from(error).code !== 'MACULA_TIMED_OUT') throw error;
    }
  }

  /** @throws MaculaError MACULA_NO_NODE */
  stats(): PubSubStats {
    return this.#parts.running('pubsub').stats();
  }
}
