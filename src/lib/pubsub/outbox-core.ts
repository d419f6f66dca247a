import type { Settings } from '../config/schema.js';
import type { Qos } from '../wire/pubsub-messages.js';

export type OutboxSettings = Pick<Settings, 'pubsubQueueMessages' | 'pubsubQueueBytes' | 'pubsubBatchBytes' | 'pubsubDeadMs'>;

/** Frames under way to one subscriber at most, and their bytes: what the path holds, without filling the subscriber's memory. */
export const maxFramesUnderWay = 8;
export const maxBytesUnderWay = 1024 * 1024;
/** Most bundles in one frame. */
const maxFrameBundles = 512;
/** Pauses before a subscriber that could not be reached is tried again; the first is short, as a lost connection is soon replaced. */
const retryMinMs = 100;
const retryMaxMs = 3000;

/** A bundle on its way to one subscriber. */
export interface OutboxItem {
  readonly bytes: number;
  /** How many messages; 0 for a bundle that only tells where its stream stands, which is never dropped. */
  readonly messages: number;
  /** 1: sent again until it is acknowledged. */
  readonly qos: Qos;
}

/** Bundles that go out together. */
export interface OutboxFrame<Item extends OutboxItem> {
  readonly link: number;
  readonly first: number;
  readonly items: readonly Item[];
}

/** What became of a bundle; `left`: the subscriber unsubscribed before it was acknowledged. */
export type OutboxOutcome = 'acknowledged' | 'dropped' | 'lost' | 'left';

/** A bundle that left the outbox. */
export interface Settled<Item extends OutboxItem> {
  readonly item: Item;
  readonly outcome: OutboxOutcome;
}

/**
 * What waits for one subscriber: a bounded queue, what is under way, and what must be sent again. Bundles are numbered
 * from 0 on along a link; when the link breaks (no answer, connection lost), those with QoS 1 come first on the next one,
 * those with QoS 0 are lost.
 */
export class OutboxCore<Item extends OutboxItem> {
  readonly #settings: OutboxSettings;
  readonly #nextLink: () => number;
  #queue: Item[] = [];
  #head = 0;
  #queuedMessages = 0;
  #queuedBytes = 0;
  #underWay: (OutboxFrame<Item> & { readonly bytes: number })[] = [];
  #bytesUnderWay = 0;
  #link: number;
  #nextIndex = 0;
  /** When the subscriber was first found silent since it last acknowledged. */
  #silentSinceMs: number | undefined;
  #failures = 0;
  #retryAtMs = 0;

  /** @param nextLink a number higher than any before */
  constructor(settings: OutboxSettings, nextLink: () => number) {
    this.#settings = settings;
    this.#nextLink = nextLink;
    this.#link = nextLink();
  }

  get queuedMessages(): number {
    return this.#queuedMessages;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether nothing waits and nothing is under way. */
  get isEmpty(): boolean {
    return this.#head === this.#queue.length && this.#underWay.length === 0;
  }

  /** Whether a bundle of that size can wait without anything being dropped for it. */
  hasRoom({ messages, bytes }: OutboxItem): boolean {
    if (this.#queuedMessages === 0) return true;
    const { pubsubQueueMessages, pubsubQueueBytes } = this.#settings;
    return this.#queuedMessages + messages <= pubsubQueueMessages && this.#queuedBytes + bytes <= pubsubQueueBytes;
  }

  /** Queues a bundle; the oldest ones that wait give way to it. */
  enqueue(item: Item): Settled<Item>[] {
    const dropped: Settled<Item>[] = [];
    if (item.messages > 0 && !this.hasRoom(item)) this.#makeRoom(item, dropped);
    this.#queue.push(item);
    this.#queuedMessages += item.messages;
    this.#queuedBytes += item.bytes;
    return dropped;
  }

  /** The next frame to send now; undefined while enough is under way, while pausing, or when nothing waits. */
  nextFrame(nowMs: number): OutboxFrame<Item> | undefined {
    if (this.#head === this.#queue.length || nowMs < this.#retryAtMs) return undefined;
    // A link that failed is tried with one frame first.
    if (this.#underWay.length >= (this.#failures > 0 ? 1 : maxFramesUnderWay)) return undefined;
    if (this.#underWay.length > 0 && this.#bytesUnderWay + this.#queue[this.#head]!.bytes > maxBytesUnderWay) return undefined;
    const items: Item[] = [];
    let bytes = 0;
    while (this.#head < this.#queue.length && items.length < maxFrameBundles) {
      const item = this.#queue[this.#head]!;
      if (items.length > 0 && bytes + item.bytes > this.#settings.pubsubBatchBytes) break;
      items.push(item);
      bytes += item.bytes;
      this.#shift();
    }
    const frame = { link: this.#link, first: this.#nextIndex, items, bytes };
    this.#nextIndex += items.length;
    this.#bytesUnderWay += bytes;
    this.#underWay.push(frame);
    return frame;
  }

  /** The subscriber has taken all bundles of a link before number `next`. */
  acknowledged(link: number, next: number): Settled<Item>[] {
    if (link !== this.#link) return [];
    this.#silentSinceMs = undefined;
    this.#failures = 0;
    this.#retryAtMs = 0;
    const settled: Settled<Item>[] = [];
    while (this.#underWay.length > 0 && this.#underWay[0]!.first + this.#underWay[0]!.items.length <= next) {
      const frame = this.#underWay.shift()!;
      this.#bytesUnderWay -= frame.bytes;
      for (const item of frame.items) settled.push({ item, outcome: 'acknowledged' });
    }
    return settled;
  }

  /**
   * A frame of the link was not acknowledged. What is under way with QoS 1 waits for the next link, ahead of the rest.
   * @param jitter in [0, 1)
   */
  failed(link: number, nowMs: number, jitter: number): Settled<Item>[] {
    if (link !== this.#link) return [];
    const settled: Settled<Item>[] = [];
    const again: Item[] = [];
    for (const { items } of this.#underWay) {
      for (const item of items) {
        if (item.qos === 1 || item.messages === 0) again.push(item);
        else settled.push({ item, outcome: 'lost' });
      }
    }
    this.#queue = [...again, ...this.#queue.slice(this.#head)];
    this.#head = 0;
    for (const { messages, bytes } of again) {
      this.#queuedMessages += messages;
      this.#queuedBytes += bytes;
    }
    this.#underWay = [];
    this.#bytesUnderWay = 0;
    this.#link = this.#nextLink();
    this.#nextIndex = 0;
    this.#silentSinceMs ??= nowMs;
    const pauseMs = Math.min(retryMaxMs, retryMinMs * 2 ** this.#failures);
    this.#retryAtMs = nowMs + pauseMs * (1 - jitter / 2);
    this.#failures = Math.min(this.#failures + 1, 20);
    return settled;
  }

  /** When {@link nextFrame} has something to send after a pause; undefined when it waits for nothing but acknowledgements or new bundles. */
  nextDeadline(): number | undefined {
    return this.#failures > 0 && this.#underWay.length === 0 && this.#head < this.#queue.length ? this.#retryAtMs : undefined;
  }

  /** Whether the subscriber has been silent for too long. @param graceMs how long the first unanswered frame waited */
  isDead(nowMs: number, graceMs: number): boolean {
    return this.#silentSinceMs !== undefined && nowMs - this.#silentSinceMs + graceMs >= this.#settings.pubsubDeadMs;
  }

  /** Takes out what waits: the subscriber unsubscribed, but what is under way may still be acknowledged. */
  leave(): Settled<Item>[] {
    const items = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    this.#queuedMessages = this.#queuedBytes = 0;
    return items.map((item) => ({ item, outcome: 'left' }));
  }

  /** Takes everything out: the subscriber is gone. @param outcome what that means for the bundles */
  clear(outcome: 'lost' | 'left' = 'lost'): Settled<Item>[] {
    const items = [...this.#underWay.flatMap((frame) => frame.items), ...this.leave().map(({ item }) => item)];
    this.#underWay = [];
    this.#bytesUnderWay = 0;
    return items.map((item) => ({ item, outcome }));
  }

  #makeRoom(item: Item, dropped: Settled<Item>[]): void {
    const kept: Item[] = [];
    while (!this.hasRoom(item) && this.#head < this.#queue.length) {
      const oldest = this.#shift();
      if (oldest.messages === 0) kept.push(oldest);
      else dropped.push({ item: oldest, outcome: 'dropped' });
    }
    if (kept.length === 0) return;
    this.#queue = [...kept, ...this.#queue.slice(this.#head)];
    this.#head = 0;
    for (const { bytes } of kept) this.#queuedBytes += bytes;
  }

  /** Takes the oldest waiting bundle; moving the rest up is left until half of the array is free. */
  #shift(): Item {
    const item = this.#queue[this.#head]!;
    this.#head++;
    this.#queuedMessages -= item.messages;
    this.#queuedBytes -= item.bytes;
    if (this.#head > 64 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
