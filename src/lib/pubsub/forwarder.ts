import type { NodeId } from '../identity/node-id.js';
import { FrameType } from '../wire/frame-type.js';
import type { RouteTarget, SignedBundle } from '../wire/pubsub-messages.js';
import type { PublishedBundle } from './bundle.js';
import { Outbox, publishExchange, type OutgoingBundle, type Pumped } from './outbox.js';
import type { PubSubPorts } from './ports.js';
import { PubSubCounters, type PubSubSettings } from './pubsub-types.js';
import { Turn } from './turn.js';

/** A bundle that is to be passed on as it came. */
export interface ForwardedBundle {
  readonly signed: SignedBundle;
  readonly bundle: PublishedBundle;
}

/** Passes bundles of other publishers on. What a node does not take at once is not tried again: its publisher is told, and sends it itself. */
export class Forwarder {
  readonly #components: PubSubPorts;
  readonly #settings: PubSubSettings;
  readonly #counters: PubSubCounters;
  readonly #forwarded = new PubSubCounters();
  /** Least recently used first. */
  readonly #outboxes = new Map<NodeId, Outbox>();
  readonly #dirty = new Set<Pumped>();
  readonly #turn = new Turn(() => this.#pump());
  #nextLink: number;

  constructor(components: PubSubPorts & { readonly counters: PubSubCounters }, settings: PubSubSettings) {
    this.#components = components;
    this.#counters = components.counters;
    this.#settings = { ...settings, pubsubDeadMs: 0 };
    this.#nextLink = Math.floor(components.clock.wallMs());
  }

  get messagesForwarded(): number {
    return this.#forwarded.messagesAcknowledged;
  }

  stop(): void {
    for (const outbox of [...this.#outboxes.values()]) outbox.end('gone');
    this.#outboxes.clear();
  }

  /** Resolves with the targets, by their place in the list, that did not acknowledge all bundles within `waitMs`. */
  forward(targets: readonly RouteTarget[], bundles: readonly ForwardedBundle[], waitMs: number): Promise<number[]> {
    const open = new Map(targets.map((_, index) => [index, bundles.length]));
    return new Promise((resolve) => {
      const finish = (): void => {
        timer.cancel();
        resolve([...open.keys()]);
      };
      const timer = this.#components.clock.setTimer(waitMs, finish);
      let failed = 0;
      const settle = (index: number, isThere: boolean): void => {
        const left = open.get(index);
        if (left === undefined || left < 0) return;
        open.set(index, isThere ? left - 1 : -1);
        if (!isThere) failed++;
        else if (left === 1) open.delete(index);
        if (open.size === failed) finish();
      };
      for (const [index, target] of targets.entries()) this.#send(target, bundles, (isThere) => settle(index, isThere));
      if (bundles.length === 0) open.clear();
      if (open.size === failed) finish();
    });
  }

  #send({ id, addresses }: RouteTarget, bundles: readonly ForwardedBundle[], settled: (isThere: boolean) => void): void {
    const outbox = this.#outbox(Buffer.from(id).toString('hex') as NodeId);
    if (!outbox) {
      this.#counters.refused.limit++;
      return settled(false);
    }
    if (addresses.length > 0) outbox.addresses = addresses;
    for (const item of bundles) outbox.enqueue({ ...outgoing(item), settled: (outcome) => settled(outcome === 'acknowledged') });
  }

  #outbox(nodeId: NodeId): Outbox | undefined {
    const known = this.#outboxes.get(nodeId);
    this.#outboxes.delete(nodeId);
    if (!known && !this.#makeRoom()) return undefined;
    const outbox = known ?? this.#open(nodeId);
    this.#outboxes.set(nodeId, outbox);
    return outbox;
  }

  #makeRoom(): boolean {
    if (this.#outboxes.size < this.#settings.pubsubMaxForwarded) return true;
    for (const [nodeId, outbox] of this.#outboxes) {
      if (!outbox.isEmpty) continue;
      this.#outboxes.delete(nodeId);
      outbox.end('gone');
      return true;
    }
    return false;
  }

  #open(nodeId: NodeId): Outbox {
    const { transport, clock, random } = this.#components;
    const components = {
      clock, random, counters: this.#forwarded, nextLink: () => this.#nextLink++, exchange: publishExchange(transport, FrameType.pubsubForward),
      schedule: (item: Pumped) => {
        this.#dirty.add(item);
        this.#turn.schedule();
      },
    };
    const outbox: Outbox = new Outbox(nodeId, components, this.#settings, {
      dead: () => {
        if (this.#outboxes.get(nodeId) === outbox) this.#outboxes.delete(nodeId);
        outbox.end('connection');
      },
      dropped: () => undefined,
      answered: () => undefined,
    });
    return outbox;
  }

  #pump(): void {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    for (const item of dirty) item.pump();
  }
}

function outgoing({ signed, bundle }: ForwardedBundle): Omit<OutgoingBundle, 'settled'> {
  return { topic: bundle.topic, signed, bytes: signed.payload.length + signed.signature.length, messages: bundle.bodies.length, qos: bundle.qos };
}
