import type { Emitter } from '../base/emitter.js';
import type { Clock } from '../base/clock.js';
import type { NodeId } from '../identity/node-id.js';
import type { Qos } from '../wire/pubsub-messages.js';
import { messageIdOf, type Bundle, type PublishedBundle } from './bundle.js';
import type { LocalSubscriptions } from './local-subscriptions.js';
import type { PubSubCounters, PubSubEvents, PubSubGap } from './pubsub-types.js';
import { StreamCore, type StreamEffect } from './stream-core.js';

/** Streams whose position is remembered, those heard of last: about 200 bytes each. */
const maxStreams = 20_000;

interface Stream {
  readonly publisher: NodeId;
  readonly epoch: number;
  readonly topic: string;
  readonly qos: Qos;
  readonly core: StreamCore;
}

export interface ReceiverComponents {
  readonly clock: Clock;
  readonly local: LocalSubscriptions;
  readonly counters: PubSubCounters;
  readonly events: Emitter<PubSubEvents>;
  /** Asks the publisher for missing messages; resolves with what it has, or undefined when it does not answer. */
  readonly replay: (publisher: NodeId, epoch: number, from: number, to: number) => Promise<{ oldest: number; bundles: PublishedBundle[] } | undefined>;
}

/** All streams this node receives: hands each message on once and in order, and sees to what is missing. */
export class Receiver {
  readonly #components: ReceiverComponents;
  /** Least recently heard of first. */
  readonly #streams = new Map<string, Stream>();
  #duplicates = 0;

  constructor(components: ReceiverComponents) {
    this.#components = components;
  }

  get duplicates(): number {
    let duplicates = this.#duplicates;
    for (const { core } of this.#streams.values()) duplicates += core.duplicates;
    return duplicates;
  }

  /** A bundle that was verified came. Returns false when nobody here subscribed to its topic. */
  take(bundle: PublishedBundle): boolean {
    const { local, counters } = this.#components;
    const wanted = local.wantedQos(bundle.topic);
    if (wanted === undefined) return false;
    counters.messagesReceived += bundle.bodies.length;
    const stream = this.#stream(bundle, Math.min(wanted, bundle.qos) as Qos);
    this.#apply(stream, stream.core.take(bundle));
    return true;
  }

  /** Forgets streams of topics that nobody subscribes to any more: who subscribes later begins anew. */
  forgetUnwanted(): void {
    for (const [key, { topic, core }] of this.#streams) {
      if (this.#components.local.wantedQos(topic) !== undefined) continue;
      this.#duplicates += core.duplicates;
      this.#streams.delete(key);
    }
  }

  #stream({ publisher, epoch, topic, qos: sent }: PublishedBundle, qos: Qos): Stream {
    const key = `${publisher}/${epoch}`;
    let stream = this.#streams.get(key);
    if (stream) {
      this.#streams.delete(key);
    } else {
      stream = { publisher, epoch, topic, qos: sent, core: new StreamCore(qos) };
      this.#shrink();
    }
    this.#streams.set(key, stream);
    return stream;
  }

  #shrink(): void {
    if (this.#streams.size < maxStreams) return;
    for (const [key, { core }] of this.#streams) {
      this.#duplicates += core.duplicates;
      this.#streams.delete(key);
      return;
    }
  }

  #apply(stream: Stream, effects: readonly StreamEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'deliver':
          this.#deliver(stream, effect.bundle, effect.skip, effect.count);
          break;
        case 'gap':
          this.#gap(stream, effect.from, effect.to, effect.reason);
          break;
        case 'replay':
          void this.#replay(stream, effect.from, effect.to);
      }
    }
  }

  #deliver({ publisher, epoch, topic, qos }: Stream, bundle: Bundle, skip: number, count: number): void {
    const { clock, local, counters, events } = this.#components;
    const receivedMs = clock.wallMs();
    const receivedAt = new Date(receivedMs).toISOString();
    const sentAt = timeOf(bundle.sentMs);
    for (let index = skip; index < skip + count; index++) {
      const seq = bundle.first + index;
      local.deliver({ topic, payload: bundle.bodies[index]!, publisher, seq, messageId: messageIdOf(publisher, epoch, seq), qos, sentAt, receivedAt });
    }
    counters.messagesDelivered += count;
    events.emit('delivered', { publisher, topic, messages: count, latencyMs: Math.max(0, receivedMs - bundle.sentMs) });
  }

  #gap({ publisher, topic, qos }: Stream, fromSeq: number, toSeq: number, reason: PubSubGap['reason']): void {
    const { local, counters, events } = this.#components;
    const gap = { topic, publisher, qos, fromSeq, toSeq, missed: toSeq - fromSeq + 1, reason };
    counters.gaps++;
    counters.messagesMissed += gap.missed;
    local.gap(gap);
    events.emit('gap', gap);
  }

  async #replay(stream: Stream, from: number, to: number): Promise<void> {
    const { counters, replay } = this.#components;
    counters.replaysAsked++;
    const found = await replay(stream.publisher, stream.epoch, from, to);
    const bundles = found?.bundles.filter(({ publisher, epoch }) => publisher === stream.publisher && epoch === stream.epoch) ?? [];
    for (const { bodies } of bundles) counters.messagesReceived += bodies.length;
    this.#apply(stream, found ? stream.core.replayed(found.oldest, bundles) : stream.core.replayFailed());
  }
}

/** A publisher's clock can say anything; dates end long before integers do. */
function timeOf(wallMs: number): string {
  return new Date(Math.min(wallMs, 8.64e15)).toISOString();
}
