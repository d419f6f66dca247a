import type { NodeId } from '../identity/node-id.js';
import { FrameType } from '../wire/frame-type.js';
import { readRouted, routeBody, type PublishAck } from '../wire/pubsub-messages.js';
import { Outbox, type Exchange, type OutboxComponents, type OutgoingBundle } from './outbox.js';
import type { PubSubTransport } from './ports.js';
import type { PubSubSettings } from './pubsub-types.js';
import type { RemoteSubscriber } from './subscriber-table.js';

/** A bundle for a share. */
export interface SharedBundle extends OutgoingBundle {
  /** Members that did not get it, as their delegate says. */
  readonly missed: Set<NodeId>;
}

export interface ShareOwner {
  /** The delegate did not answer. */
  failed(): void;
  /** A member did not acknowledge what its delegate passed on. */
  missed(nodeId: NodeId): void;
  answered(ack: PublishAck): void;
}

export interface ShareComponents extends Omit<OutboxComponents<SharedBundle>, 'exchange'> {
  readonly transport: PubSubTransport;
}

/** What each member of a share adds to the first frame at most, bytes. */
const memberBytes = 240;

/** Some subscribers of a topic, sent to through one of them. A share never changes; who comes or goes makes another. */
export class Share {
  readonly delegate: NodeId;
  /** The delegate included. */
  readonly members: ReadonlySet<NodeId>;
  readonly outbox: Outbox<SharedBundle>;
  /** Epochs of the streams whose beginning it was told. */
  readonly introduced = new Set<number>();

  /** @param others the members but for the delegate */
  constructor(delegate: RemoteSubscriber, others: readonly RemoteSubscriber[], components: ShareComponents, settings: PubSubSettings, owner: ShareOwner) {
    this.delegate = delegate.nodeId;
    this.members = new Set([delegate.nodeId, ...others.map(({ nodeId }) => nodeId)]);
    const exchange = exchangeOf(others, components.transport, owner);
    // A delegate is not tried twice: there are others.
    this.outbox = new Outbox<SharedBundle>(delegate.nodeId, { ...components, exchange }, { ...settings, pubsubDeadMs: 0 }, {
      dead: () => owner.failed(),
      dropped: () => undefined,
      answered: (ack) => owner.answered(ack),
    });
    this.outbox.addresses = delegate.outbox.addresses;
  }

  /** Bytes that naming the members takes. */
  get nameBytes(): number {
    return this.members.size * memberBytes;
  }
}

function exchangeOf(others: readonly RemoteSubscriber[], transport: PubSubTransport, owner: ShareOwner): Exchange<SharedBundle> {
  return async (nodeId, { link, first, items }, options) => {
    const targets = first === 0 ? others.map((other) => ({ id: Buffer.from(other.nodeId, 'hex'), addresses: other.outbox.addresses })) : undefined;
    const bundles = items.map(({ signed }) => signed);
    // Half of the time is for the way there and back.
    const body = routeBody({ link, first, targets, waitMs: Math.floor(options.timeoutMs / 2), bundles });
    const { missed, ...ack } = readRouted(await transport.request(nodeId, FrameType.pubsubRoute, body, options));
    for (const index of missed) {
      const member = others[index]?.nodeId;
      if (member === undefined) continue;
      for (const item of items) item.missed.add(member);
      owner.missed(member);
    }
    return ack;
  };
}
