import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { readRoute, routedBody, type RouteMessage, type RouteTarget, type SignedBundle } from '../wire/pubsub-messages.js';
import type { PublishedBundle } from './bundle.js';
import type { ForwardedBundle, Forwarder } from './forwarder.js';
import { FrameOrder } from './frame-order.js';
import type { PubSubCounters, PubSubSettings } from './pubsub-types.js';

/** Shares that publishers entrusted to this node, of all of them. */
const maxShares = 1000;

/** A share that a publisher entrusted to this node. */
interface EntrustedShare {
  readonly publisher: NodeId;
  readonly order: FrameOrder<RouteMessage>;
  targets: readonly RouteTarget[] | undefined;
}

export interface DelegateComponents {
  readonly forwarder: Pick<Forwarder, 'forward'>;
  readonly counters: PubSubCounters;
  /** Takes a bundle its publisher sent; undefined when it is not by the sender. @throws MaculaError when it is forged */
  readonly take: (signed: SignedBundle, from: NodeId, unwanted: Set<string>) => PublishedBundle | undefined;
}

/** Serves publishers with many subscribers: takes what they publish, and passes it on to the share of the subscribers they name. */
export class Delegate {
  readonly #components: DelegateComponents;
  readonly #settings: Pick<PubSubSettings, 'pubsubMaxForwarded'>;
  /** By publisher and link; least recently used first. */
  readonly #shares = new Map<string, EntrustedShare>();

  constructor(components: DelegateComponents, settings: Pick<PubSubSettings, 'pubsubMaxForwarded'>) {
    this.#components = components;
    this.#settings = settings;
  }

  /** Returns the answer to PUBSUB_ROUTE, or a promise of it. @throws MaculaError MACULA_PROTOCOL_VIOLATION, MACULA_OVERLOADED */
  route(body: unknown, from: NodeId): unknown {
    const frame = readRoute(body);
    const { pubsubMaxForwarded } = this.#settings;
    if ((frame.targets?.length ?? 0) > pubsubMaxForwarded) {
      this.#components.counters.refused.limit++;
      throw new MaculaError('MACULA_OVERLOADED', 'this node does not pass messages on to so many', { details: { limit: 'pubsubMaxForwarded', value: pubsubMaxForwarded } });
    }
    const key = `${from}/${frame.link}`;
    const share = this.#shares.get(key) ?? this.#entrust(from);
    this.#shares.delete(key);
    this.#shares.set(key, share);
    return share.order.receive(frame);
  }

  /** The last session with a publisher is gone. */
  closed(publisher: NodeId): void {
    for (const [key, share] of this.#shares) {
      if (share.publisher !== publisher) continue;
      this.#shares.delete(key);
      share.order.clear();
    }
  }

  #entrust(publisher: NodeId): EntrustedShare {
    for (const [key, { order }] of this.#shares) {
      if (this.#shares.size < maxShares) break;
      this.#shares.delete(key);
      order.clear();
    }
    const share: EntrustedShare = {
      publisher,
      order: new FrameOrder<RouteMessage>((frame) => this.#take(share, frame), (next) => routedBody({ next, unwanted: [], missed: [] }), this.#components.counters),
      targets: undefined,
    };
    return share;
  }

  async #take(share: EntrustedShare, { first, targets, waitMs, bundles }: RouteMessage): Promise<unknown> {
    share.targets = first === 0 ? targets : share.targets;
    if (!share.targets) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'messages to pass on, and to nobody');
    const unwanted = new Set<string>();
    const own: ForwardedBundle[] = [];
    for (const signed of bundles) {
      const bundle = this.#components.take(signed, share.publisher, unwanted);
      // Nobody but subscribers of a topic passes its messages on, and only for their publisher.
      if (bundle && !unwanted.has(bundle.topic)) own.push({ signed, bundle });
    }
    const all = share.targets.map((_, index) => index);
    const missed = own.length < bundles.length ? all : await this.#components.forwarder.forward(share.targets, own, waitMs);
    return routedBody({ next: first + bundles.length, unwanted: [...unwanted], missed });
  }
}
