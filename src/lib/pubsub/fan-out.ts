import type { NodeId } from '../identity/node-id.js';
import type { PublishAck, Qos, SignedBundle } from '../wire/pubsub-messages.js';
import type { BundleCodec } from './bundle.js';
import { DelegationCore } from './delegation-core.js';
import type { Delivery } from './delivery.js';
import type { OutboxItem, OutboxOutcome } from './outbox-core.js';
import type { Outbox, OutgoingBundle } from './outbox.js';
import type { PublishedStream } from './published-stream.js';
import type { PubSubCounters, PubSubSettings } from './pubsub-types.js';
import { Share, type ShareComponents, type SharedBundle } from './share.js';
import type { Recipient, RemoteSubscriber, SubscriberTable } from './subscriber-table.js';

/** How long a delegate that failed is not one again. */
const unfitMs = 60_000;
/** Topics whose trees are remembered. */
const maxTrees = 1000;

export interface FanOutComponents extends ShareComponents {
  readonly codec: BundleCodec;
  readonly counters: PubSubCounters;
  readonly table: SubscriberTable;
  /** A subscriber's queue is full, and the setting says that it is let go. */
  readonly overflowed: (subscriber: RemoteSubscriber) => void;
  readonly answered: (nodeId: NodeId, ack: PublishAck) => void;
}

/** Who is sent to directly, and who through delegates. */
interface Tree {
  readonly core: DelegationCore;
  /** The subscribers it was made for. */
  recipients: readonly Recipient[] | undefined;
  direct: readonly Recipient[];
  shares: readonly Share[];
}

/** Hands bundles to the subscribers of their topic: to each directly while they are few, through delegates where they are many. */
export class FanOut {
  readonly #components: FanOutComponents;
  readonly #settings: PubSubSettings;
  readonly #trees = new Map<string, Tree>();
  /** Every share with something under way, those that no tree has any more included. */
  readonly #shares = new Set<Share>();
  /** Until when a delegate that failed is not one again. */
  readonly #unfit = new Map<NodeId, number>();
  /** Subscribers that cannot be reached through others, until they subscribe again. */
  readonly #apart = new Set<NodeId>();
  readonly #positions = new WeakMap<PublishedStream, { readonly next: number; readonly signed: SignedBundle }>();
  #isStopped = false;

  constructor(components: FanOutComponents, settings: PubSubSettings) {
    this.#components = components;
    this.#settings = settings;
  }

  stop(): void {
    this.#isStopped = true;
    for (const { outbox } of this.#shares) outbox.end('gone');
  }

  delegates(): NodeId[] {
    return [...new Set([...this.#trees.values()].flatMap(({ shares }) => shares.map(({ delegate }) => delegate)))];
  }

  /** An outbox that has no room for a bundle to the topic. */
  fullOutbox(topic: string, item: OutboxItem): Pick<Outbox, 'untilRoom'> | undefined {
    const { direct, shares } = this.#tree(topic);
    return shares.find(({ outbox }) => !outbox.hasRoom(item))?.outbox ?? direct.find(({ subscriber }) => !subscriber.outbox.hasRoom(item))?.subscriber.outbox;
  }

  /** Hands a bundle with messages to all subscribers of its stream's topic. */
  send(stream: PublishedStream, first: number, bundle: Omit<OutgoingBundle, 'settled'>, delivery: Delivery): void {
    const { direct, shares } = this.#tree(stream.topic);
    for (const { subscriber, qos } of direct) {
      delivery.expect();
      this.#hand(stream, first, subscriber, { ...bundle, qos: Math.min(bundle.qos, qos) as Qos }, delivery);
    }
    for (const share of shares) {
      delivery.expect(share.members.size);
      if (!share.introduced.has(stream.epoch)) this.#tellShare(share, stream, first);
      const missed = new Set<NodeId>();
      share.outbox.enqueue({ ...bundle, missed, settled: (outcome) => this.#settled(share, stream, first, { ...bundle, missed }, outcome, delivery) });
    }
  }

  /** Tells a subscriber where a stream stands. @param next the number of its next message */
  introduce(subscriber: RemoteSubscriber, stream: PublishedStream, next: number): void {
    if (this.#apart.delete(subscriber.nodeId)) this.#replan();
    subscriber.introduced.add(stream.epoch);
    subscriber.outbox.enqueue(this.#position(stream, next));
  }

  /** Tells all subscribers where a stream stands. @param next the number of its next message */
  tell(stream: PublishedStream, next: number): void {
    const { direct, shares } = this.#tree(stream.topic);
    for (const { subscriber } of direct) subscriber.outbox.enqueue(this.#position(stream, next));
    for (const share of shares) this.#tellShare(share, stream, next);
  }

  #tellShare(share: Share, stream: PublishedStream, next: number): void {
    const position = this.#position(stream, next);
    // The first frame names the members too, so that a large message must not be in it.
    const bytes = position.bytes + (share.introduced.size === 0 ? share.nameBytes : 0);
    share.introduced.add(stream.epoch);
    share.outbox.enqueue({ ...position, bytes, missed: new Set() });
  }

  #hand(stream: PublishedStream, first: number, subscriber: RemoteSubscriber, bundle: Omit<OutgoingBundle, 'settled'>, delivery: Delivery): void {
    const { outbox, introduced } = subscriber;
    if (!introduced.has(stream.epoch)) this.introduce(subscriber, stream, first);
    if (this.#settings.pubsubOverflow === 'disconnect' && !outbox.hasRoom(bundle)) {
      this.#components.overflowed(subscriber);
      return delivery.settle('dropped');
    }
    outbox.enqueue({ ...bundle, settled: (outcome) => delivery.settle(outcome) });
  }

  /** A bundle left the outbox of a share: whoever did not get it and is to have it gets it directly. */
  #settled(share: Share, stream: PublishedStream, first: number, { missed, ...bundle }: Omit<SharedBundle, 'settled'>, outcome: OutboxOutcome, delivery: Delivery): void {
    const { table } = this.#components;
    const toAll = outcome === 'left' || (outcome === 'lost' && bundle.qos === 1);
    if (!toAll && outcome !== 'acknowledged') return delivery.settle(outcome, share.members.size);
    const again = toAll ? share.members : missed;
    const there = share.members.size - again.size;
    if (there > 0) delivery.settle('acknowledged', there);
    for (const nodeId of again) {
      const subscriber = table.get(nodeId);
      const recipient = subscriber && table.recipients(stream.topic).find((other) => other.subscriber === subscriber);
      if (!recipient) delivery.settle('left');
      else if (this.#isStopped || recipient.qos === 0 || bundle.qos === 0) delivery.settle('lost');
      else this.#hand(stream, first, recipient.subscriber, bundle, delivery);
    }
  }

  #tree(topic: string): Tree {
    const recipients = this.#components.table.recipients(topic);
    let tree = this.#trees.get(topic);
    if (tree?.recipients === recipients) return tree;
    if (!tree) {
      if (this.#trees.size >= maxTrees) this.#trees.delete(this.#trees.keys().next().value!);
      this.#trees.set(topic, (tree = { core: new DelegationCore(topic, this.#settings.pubsubDirectSubscribers), recipients, direct: recipients, shares: [] }));
    }
    this.#plan(tree, recipients);
    return tree;
  }

  #plan(tree: Tree, recipients: readonly Recipient[]): void {
    const nowMs = this.#components.clock.nowMs();
    for (const [nodeId, untilMs] of this.#unfit) if (untilMs <= nowMs) this.#unfit.delete(nodeId);
    const shared = recipients.filter(({ subscriber }) => !this.#apart.has(subscriber.nodeId));
    const owners = tree.core.plan(shared.map(({ subscriber }) => subscriber.nodeId), new Set(this.#unfit.keys()));
    const groups = new Map<NodeId, RemoteSubscriber[]>();
    for (const { subscriber } of shared) {
      const owner = owners.get(subscriber.nodeId);
      if (owner === undefined) continue;
      const group = groups.get(owner);
      if (group) group.push(subscriber);
      else groups.set(owner, [subscriber]);
    }
    const before = new Map(tree.shares.map((share) => [share.delegate, share]));
    tree.shares = [...groups].map(([owner, members]) => this.#share(owner, members, before.get(owner)));
    tree.direct = owners.size === 0 ? recipients : recipients.filter(({ subscriber }) => !owners.has(subscriber.nodeId));
    tree.recipients = recipients;
    const current = new Set([...this.#trees.values()].flatMap(({ shares }) => shares));
    for (const share of this.#shares) if (!current.has(share) && share.outbox.isEmpty) this.#shares.delete(share);
  }

  #share(owner: NodeId, members: readonly RemoteSubscriber[], before: Share | undefined): Share {
    if (before && before.members.size === members.length && members.every(({ nodeId }) => before.members.has(nodeId))) return before;
    const { table, counters, clock, answered } = this.#components;
    const others = members.filter(({ nodeId }) => nodeId !== owner);
    const share: Share = new Share(table.get(owner)!, others, this.#components, this.#settings, {
      failed: () => {
        counters.delegatesLost++;
        this.#unfit.set(owner, clock.nowMs() + unfitMs);
        this.#shares.delete(share);
        this.#replan();
        share.outbox.giveBack();
      },
      missed: (nodeId) => {
        this.#apart.add(nodeId);
        this.#replan();
      },
      answered: (ack) => answered(owner, ack),
    });
    this.#shares.add(share);
    return share;
  }

  /** Every tree is made anew before it is used again. */
  #replan(): void {
    for (const tree of this.#trees.values()) tree.recipients = undefined;
  }

  #position(stream: PublishedStream, next: number): OutgoingBundle {
    const signed = this.#signedPosition(stream, next);
    return { topic: stream.topic, signed, bytes: signed.payload.length + signed.signature.length, messages: 0, qos: stream.qos, settled: undefined };
  }

  /** Every subscriber is told the same, so it is signed once. */
  #signedPosition(stream: PublishedStream, next: number): SignedBundle {
    const known = this.#positions.get(stream);
    if (known?.next === next) return known.signed;
    const { codec, clock } = this.#components;
    const signed = codec.sign({ epoch: stream.epoch, topic: stream.topic, qos: stream.qos, first: next, sentMs: Math.floor(clock.wallMs()), bodies: [] });
    this.#positions.set(stream, { next, signed });
    return signed;
  }
}
