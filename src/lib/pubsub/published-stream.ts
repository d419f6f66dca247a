import type { Settings } from '../config/schema.js';
import type { Qos, SignedBundle } from '../wire/pubsub-messages.js';

export type ReplaySettings = Pick<Settings, 'pubsubReplayMessages' | 'pubsubReplayBytes' | 'pubsubReplayAgeMs'>;

/** A bundle kept for those who missed it. */
interface Kept {
  readonly first: number;
  readonly messages: number;
  readonly signed: SignedBundle;
  readonly atMs: number;
}

/** Replies to REPLAY stay well below the largest frame. */
const maxReplyBytes = 256 * 1024;
const maxReplyBundles = 256;

/** What a publisher keeps of one stream: its numbers, and the last bundles for those who missed some. */
export class PublishedStream {
  readonly epoch: number;
  readonly topic: string;
  readonly qos: Qos;
  readonly #settings: ReplaySettings;
  #next = 1;
  #kept: Kept[] = [];
  #keptMessages = 0;
  #keptBytes = 0;
  #lastMs: number;

  constructor(identity: { readonly epoch: number; readonly topic: string; readonly qos: Qos }, settings: ReplaySettings, nowMs: number) {
    this.epoch = identity.epoch;
    this.topic = identity.topic;
    this.qos = identity.qos;
    this.#settings = settings;
    this.#lastMs = nowMs;
  }

  /** Sequence the next message will have. */
  get next(): number {
    return this.#next;
  }

  /** When something was last published. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Takes numbers for so many messages, and returns the first. */
  number(messages: number): number {
    const first = this.#next;
    this.#next += messages;
    return first;
  }

  /** Keeps a bundle that was sent. */
  keep(first: number, messages: number, signed: SignedBundle, nowMs: number): void {
    this.#lastMs = nowMs;
    this.#kept.push({ first, messages, signed, atMs: nowMs });
    this.#keptMessages += messages;
    this.#keptBytes += signed.payload.length;
    this.#expire(nowMs);
  }

  /** The kept bundles with messages from..to, as many as one reply carries, and the oldest sequence there is. */
  replay(from: number, to: number, nowMs: number): { oldest: number; bundles: SignedBundle[] } {
    this.#expire(nowMs);
    const bundles: SignedBundle[] = [];
    let bytes = 0;
    for (const { first, messages, signed } of this.#kept) {
      if (first + messages <= from) continue;
      if (first > to || bundles.length >= maxReplyBundles || (bundles.length > 0 && bytes + signed.payload.length > maxReplyBytes)) break;
      bundles.push(signed);
      bytes += signed.payload.length;
    }
    return { oldest: this.#kept[0]?.first ?? this.#next, bundles };
  }

  /** Forgets what is too old to be replayed. */
  #expire(nowMs: number): void {
    const { pubsubReplayMessages, pubsubReplayBytes, pubsubReplayAgeMs } = this.#settings;
    let gone = 0;
    for (const { messages, signed, atMs } of this.#kept) {
      if (this.#keptMessages <= pubsubReplayMessages && this.#keptBytes <= pubsubReplayBytes && nowMs - atMs <= pubsubReplayAgeMs) break;
      this.#keptMessages -= messages;
      this.#keptBytes -= signed.payload.length;
      gone++;
    }
    if (gone > 0) this.#kept = this.#kept.slice(gone);
  }
}
