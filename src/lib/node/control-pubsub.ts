import { MaculaError } from '../base/errors.js';
import type { PubSubHandlers } from '../control/ports.js';
import type { PubSubEventLine, PubSubPublishInput, PubSubPublishResult, PubSubSubscribeInput } from '../control/protocol-pubsub.js';
import type { PubSubEvent } from '../pubsub/pubsub-types.js';
import type { NodePubSub } from './node-pubsub.js';
import { bytesFrom, writtenBytes } from './written-bytes.js';

/** What the control socket needs of a node's publish/subscribe. */
export type ControlledPubSub = Pick<NodePubSub, 'publish' | 'subscribe' | 'ready'>;

/** What a node does for its control socket about publish/subscribe. */
export class PubSubControl implements PubSubHandlers {
  readonly #pubsub: ControlledPubSub;

  constructor(components: { pubsub: ControlledPubSub }) {
    this.#pubsub = components.pubsub;
  }

  async pubsubPublish({ topic, payload, encoding, qos, requireSubscribers, timeoutMs }: PubSubPublishInput, signal: AbortSignal): Promise<PubSubPublishResult> {
    const result = await this.#pubsub.publish(topic, bytesFrom(payload, encoding), { qos, requireSubscribers, timeoutMs, signal });
    if (qos === 0 || result.delivered === result.subscribers) return result;
    throw new MaculaError('MACULA_PARTLY_DELIVERED', `${result.delivered} of ${result.subscribers} subscribers acknowledged the message`, { details: { ...result } });
  }

  async *pubsubSubscribe({ topic, qos, count }: PubSubSubscribeInput, signal: AbortSignal): AsyncGenerator<PubSubEventLine> {
    const subscription = this.#pubsub.subscribe(topic, { qos, signal });
    try {
      await this.#pubsub.ready(subscription, { signal });
      yield { event: 'subscribed', topic, qos };
      let messages = 0;
      for await (const event of subscription.events()) {
        yield lineOf(event);
        if (event.type === 'message' && ++messages === count) return;
      }
    } finally {
      subscription.close();
    }
  }
}

function lineOf(event: PubSubEvent): PubSubEventLine {
  if (event.type === 'gap') return { event: 'gap', ...event.gap };
  const { payload, ...message } = event.message;
  const { value, encoding } = writtenBytes(payload);
  return { event: 'message', ...message, payload: value, encoding };
}
