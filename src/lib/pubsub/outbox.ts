import type { SocketAddress } from '../base/address.js';
import type { Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { FrameType } from '../wire/frame-type.js';
import { publishBody, readPublishAck, type PublishAck, type SignedBundle } from '../wire/pubsub-messages.js';
import { OutboxCore, type OutboxFrame, type OutboxItem, type OutboxOutcome, type Settled } from './outbox-core.js';
import type { PubSubPorts, PubSubTransport } from './ports.js';
import type { DropReason, PubSubCounters, PubSubSettings } from './pubsub-types.js';

/** A bundle for one subscriber. */
export interface OutgoingBundle extends OutboxItem {
  readonly topic: string;
  readonly signed: SignedBundle;
  /** Called once, when it left the outbox. */
  readonly settled: ((outcome: OutboxOutcome) => void) | undefined;
}

export interface OutboxOwner {
  /** The subscriber acknowledged nothing for too long. */
  dead(): void;
  dropped(topic: string, messages: number, reason: DropReason): void;
  /** What an acknowledgement says beside how far the subscriber is. */
  answered(ack: PublishAck): void;
}

/** Sends a frame to a node and resolves with its acknowledgement. @throws MaculaError */
export type Exchange<Item extends OutgoingBundle> = (nodeId: NodeId, frame: OutboxFrame<Item>, options: Parameters<PubSubTransport['request']>[3]) => Promise<PublishAck>;

export interface OutboxComponents<Item extends OutgoingBundle = OutgoingBundle> extends Pick<PubSubPorts, 'clock' | 'random'> {
  readonly counters: PubSubCounters;
  readonly nextLink: () => number;
  /** Asks for a {@link Outbox.pump} in this turn. */
  readonly schedule: (outbox: Pumped) => void;
  readonly exchange: Exchange<Item>;
}

/** What is asked to send. */
export interface Pumped {
  pump(): void;
}

/** Frames of one type, answered with PUBLISH_ACK. */
export function publishExchange(transport: PubSubTransport, type: FrameType): Exchange<OutgoingBundle> {
  return async (nodeId, { link, first, items }, options) => {
    return readPublishAck(await transport.request(nodeId, type, publishBody({ link, first, bundles: items.map(({ signed }) => signed) }), options));
  };
}

/** Sends what waits for one subscriber, as fast as it acknowledges. */
export class Outbox<Item extends OutgoingBundle = OutgoingBundle> {
  readonly nodeId: NodeId;
  /** Where the subscriber was seen last. */
  addresses: readonly SocketAddress[] = [];
  readonly #components: OutboxComponents<Item>;
  readonly #settings: PubSubSettings;
  readonly #owner: OutboxOwner;
  readonly #core: OutboxCore<Item>;
  readonly #ended = new AbortController();
  #isLeaving = false;
  #timer: Timer | undefined;
  #roomWaiters: (() => void)[] = [];

  constructor(nodeId: NodeId, components: OutboxComponents<Item>, settings: PubSubSettings, owner: OutboxOwner) {
    this.nodeId = nodeId;
    this.#components = components;
    this.#settings = settings;
    this.#owner = owner;
    this.#core = new OutboxCore(settings, components.nextLink);
  }

  get queuedMessages(): number {
    return this.#core.queuedMessages;
  }

  get queuedBytes(): number {
    return this.#core.queuedBytes;
  }

  get isEmpty(): boolean {
    return this.#core.isEmpty;
  }

  hasRoom(item: OutboxItem): boolean {
    return this.#core.hasRoom(item);
  }

  /** Resolves when something left the outbox, or it ended. */
  untilRoom(): Promise<void> {
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  enqueue(item: Item): void {
    if (this.#isLeaving || this.#ended.signal.aborted) return item.settled?.('left');
    this.#settle(this.#core.enqueue(item), 'overflow');
    this.#components.schedule(this);
  }

  /** Sends as much as may be under way. */
  pump(): void {
    if (this.#ended.signal.aborted) return;
    const { clock } = this.#components;
    for (let frame = this.#core.nextFrame(clock.nowMs()); frame; frame = this.#core.nextFrame(clock.nowMs())) void this.#send(frame);
    this.#timer?.cancel();
    const deadlineMs = this.#core.nextDeadline();
    this.#timer = deadlineMs === undefined ? undefined : clock.setTimer(deadlineMs - clock.nowMs(), () => this.pump());
    this.#wakeRoomWaiters();
  }

  /** The subscriber unsubscribed: nothing more is sent, and it ends when what is under way was acknowledged or failed. */
  leave(): void {
    this.#isLeaving = true;
    this.#settle(this.#core.leave(), 'gone');
    if (this.#core.isEmpty) this.end('gone');
  }

  /** Ends it; what it holds is handed back as `left`, to go another way. */
  giveBack(): void {
    this.#isLeaving = true;
    this.end('gone');
  }

  /** Ends it; what it holds is lost. */
  end(reason: DropReason): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new MaculaError('MACULA_ABORTED', 'the subscriber is gone'));
    this.#timer?.cancel();
    this.#settle(this.#core.clear(this.#isLeaving ? 'left' : 'lost'), reason);
    this.#wakeRoomWaiters();
  }

  async #send(frame: OutboxFrame<Item>): Promise<void> {
    const { exchange, clock, random, counters } = this.#components;
    const { link, items } = frame;
    const timeoutMs = this.#settings.pubsubAckTimeoutMs;
    counters.framesSent++;
    for (const { messages } of items) counters.messagesSent += messages;
    try {
      const ack = await exchange(this.nodeId, frame, { timeoutMs, signal: this.#ended.signal, addresses: this.addresses });
      this.#settle(this.#core.acknowledged(link, ack.next), 'gone');
      this.#owner.answered(ack);
    } catch (cause) {
      if (this.#ended.signal.aborted) return;
      if (this.#isLeaving) return this.end('gone');
      const timedOut = MaculaError.from(cause).code === 'MACULA_TIMED_OUT';
      this.#settle(this.#core.failed(link, clock.nowMs(), random.float()), 'connection');
      if (this.#core.isDead(clock.nowMs(), timedOut ? timeoutMs : 0)) return this.#owner.dead();
    }
    if (this.#isLeaving && this.#core.isEmpty) return this.end('gone');
    this.pump();
  }

  /** @param reason why bundles that were not acknowledged are gone, unless they gave way to others */
  #settle(settled: readonly Settled<Item>[], reason: DropReason): void {
    const { counters } = this.#components;
    for (const { item, outcome } of settled) {
      if (outcome === 'acknowledged') counters.messagesAcknowledged += item.messages;
      else if (item.messages > 0 && outcome !== 'left') {
        counters.messagesDropped[reason] += item.messages;
        this.#owner.dropped(item.topic, item.messages, reason);
      }
      item.settled?.(outcome);
    }
  }

  #wakeRoomWaiters(): void {
    const waiters = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiters) wake();
  }
}
