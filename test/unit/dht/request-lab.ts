import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import type { Contact } from '../../../src/lib/dht/contact.js';
import { DeadlineQueue } from '../../../src/lib/dht/deadline-queue.js';
import type { DhtContext } from '../../../src/lib/dht/dht-context.js';
import type { DhtEffect } from '../../../src/lib/dht/dht-events.js';
import { DhtRequestTracker } from '../../../src/lib/dht/dht-request-tracker.js';
import type { DhtReply, RequestFailure } from '../../../src/lib/dht/dht-requests.js';
import { RoutingTable } from '../../../src/lib/dht/routing-table.js';
import { RttTable } from '../../../src/lib/dht/rtt-table.js';
import { alice, realm, wallMs } from './record-fixtures.js';

type Sent = Extract<DhtEffect, { type: 'request' }>;

/** Requests of a DHT as they are tracked, with a time that the test moves and answers that it gives. */
export class RequestLab {
  readonly settings = { ...defaultSettings(), dhtMinRequestTimeoutMs: 100, dhtInitialRequestTimeoutMs: 1000 };
  readonly deadlines = new DeadlineQueue();
  readonly sent: Sent[] = [];
  readonly alive: Contact[] = [];
  readonly silent: { contact: Contact; broken: boolean }[] = [];
  readonly tracker: DhtRequestTracker;
  readonly context: DhtContext;
  nowMs = 0;

  constructor() {
    const selfId = Buffer.from(alice.nodeId, 'hex');
    const { settings } = this;
    const tracker = (): DhtRequestTracker => this.tracker;
    this.context = {
      components: { nodeId: alice.nodeId, realmId: realm, signer: alice, verify: () => true, clock: { wallMs: () => wallMs }, random: seededRandom(1) },
      settings, selfId,
      table: new RoutingTable(selfId, { bucketSize: settings.dhtBucketSize, maxPerPrefix: settings.dhtMaxPerPrefix, maxPerPrefixInBucket: settings.dhtMaxPerPrefixInBucket }),
      rtts: new RttTable({ minTimeoutMs: settings.dhtMinRequestTimeoutMs, maxTimeoutMs: settings.dhtMaxRequestTimeoutMs, initialTimeoutMs: settings.dhtInitialRequestTimeoutMs, maxPeers: 10 }),
      deadlines: this.deadlines,
      get requests() {
        return tracker();
      },
      now: () => this.nowMs,
      steadyWallMs: () => wallMs,
      emit: (effect) => {
        if (effect.type === 'request') this.sent.push(effect);
      },
    };
    this.tracker = new DhtRequestTracker(this.context, { alive: (contact) => void this.alive.push(contact), silent: (contact, broken) => void this.silent.push({ contact, broken }) });
  }

  /** Lets time pass; what falls due meanwhile is called at its time. */
  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    while (this.deadlines.nextMs() <= endMs) {
      this.nowMs = Math.max(this.nowMs, this.deadlines.nextMs());
      this.deadlines.run(this.nowMs);
    }
    this.nowMs = endMs;
  }

  /** Those asked so far, by name, in order. */
  asked(names: ReadonlyMap<Contact, string>): string[] {
    return this.sent.map(({ contact }) => names.get(contact) ?? 'somebody else');
  }

  answer(contact: Contact, reply: DhtReply): void {
    this.tracker.onReply(this.#take(contact), reply);
  }

  fail(contact: Contact, failure: RequestFailure): void {
    this.tracker.onFailure(this.#take(contact), failure);
  }

  #take(contact: Contact): number {
    const index = this.sent.findIndex((request) => request.contact === contact);
    if (index === -1) throw new Error(`${contact.nodeId} was not asked, or has answered`);
    return this.sent.splice(index, 1)[0]!.requestId;
  }
}
