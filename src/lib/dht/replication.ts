import type { Contact } from './contact.js';
import type { DhtContext } from './dht-context.js';
import type { Replica } from './replica.js';
import { isProviderSpace, type StoredRecord } from './stored-record.js';
import { isCloser } from './xor.js';

/** How long changes of the table gather before records are moved: nodes come in bursts. */
const gatherMs = 10_000;
/** Of the holders closest to a record, so many see to it that newcomers get it: one alone may be gone. */
const responsibleHolders = 3;
/** Stores sent in a row, and the pause until the next ones: moving a full store must not crowd out requests. */
const burst = 50;
const burstPauseMs = 100;
/** How often due records are looked for. */
const sweepIntervalMs = 60_000;
/** Jitter of the interval, each way. */
const jitter = 0.25;
/** Closest nodes a leaving one hands its records to: those that come after the present holders. */
const heirs = 2;
/** Records handed over at most. */
const maxHandedOver = 1000;

interface Transfer {
  readonly record: StoredRecord;
  readonly to: Contact;
}

/**
 * Keeps records where they belong as nodes come and go: a node that comes close to a record gets it from the holders
 * closest to it, the loss of one brings in the next, and hourly every holder tells all of the k closest.
 */
export class Replication {
  readonly #context: DhtContext;
  readonly #replica: Replica;
  #joined: Contact[] = [];
  #lost: Contact[] = [];
  #gathering = false;
  /** When each record is due for the hourly round, by slot. */
  #due = new Map<string, number>();
  readonly #queue: Transfer[] = [];
  #draining = false;

  constructor(context: DhtContext, replica: Replica) {
    this.#context = context;
    this.#replica = replica;
  }

  start(): void {
    this.#sweepLater();
  }

  /** A node came into the table. */
  nodeJoined(contact: Contact): void {
    this.#joined.push(contact);
    this.#gather();
  }

  /** A node left the table. */
  nodeLost(contact: Contact): void {
    this.#lost.push(contact);
    this.#gather();
  }

  /** A peer stored the record here: others heard of it just now, too. */
  received(slot: string): void {
    if (this.#due.has(slot)) this.#due.set(slot, this.#nextRoundMs());
  }

  /** Gives the records away before an orderly stop; `done` is called when all answered or failed. */
  handOver(done: () => void): void {
    const { table, settings } = this.#context;
    const transfers: Transfer[] = [];
    for (const record of this.#replica.records()) {
      if (transfers.length >= maxHandedOver) break;
      if (isProviderSpace(record.space)) continue;
      const closest = table.closest(record.key, settings.dhtBucketSize);
      const last = closest.at(-1);
      if (closest.length >= settings.dhtBucketSize && last && !isCloser(record.key, this.#context.selfId, last.id)) continue;
      for (const to of closest.slice(-heirs)) transfers.push({ record, to });
    }
    let waiting = transfers.length;
    if (waiting === 0) done();
    const settled = (): void => {
      if (--waiting === 0) done();
    };
    for (const transfer of transfers) this.#send(transfer, settled);
  }

  #gather(): void {
    if (this.#gathering || this.#replica.size === 0) return;
    this.#gathering = true;
    const delayMs = gatherMs * (0.5 + this.#context.components.random.float());
    this.#context.deadlines.set(this.#context.now() + delayMs, () => this.#move());
  }

  #move(): void {
    const joined = this.#joined;
    const lost = this.#lost;
    this.#joined = [];
    this.#lost = [];
    this.#gathering = false;
    for (const record of this.#replica.records()) if (!isProviderSpace(record.space)) this.#moveRecord(record, joined, lost);
  }

  #moveRecord(record: StoredRecord, joined: readonly Contact[], lost: readonly Contact[]): void {
    const { table, settings } = this.#context;
    const closest = table.closest(record.key, settings.dhtBucketSize);
    if (this.#rank(record.key, closest) >= responsibleHolders) return;
    const last = closest.at(-1);
    if (!last) return;
    const newcomers = new Set(joined.map(({ nodeId }) => nodeId));
    for (const contact of closest) if (newcomers.has(contact.nodeId)) this.#enqueue({ record, to: contact });
    const gone = lost.filter(({ id }) => isCloser(record.key, id, last.id)).length;
    if (gone > 0) for (const contact of closest.slice(-gone)) if (!newcomers.has(contact.nodeId)) this.#enqueue({ record, to: contact });
  }

  /** How many of the nodes are closer to the key than we are. */
  #rank(key: Uint8Array, closest: readonly Contact[]): number {
    const { selfId } = this.#context;
    const index = closest.findIndex(({ id }) => !isCloser(key, id, selfId));
    return index === -1 ? closest.length : index;
  }

  #sweepLater(): void {
    this.#context.deadlines.set(this.#context.now() + sweepIntervalMs, () => {
      this.#sweep();
      this.#sweepLater();
    });
  }

  #sweep(): void {
    const nowMs = this.#context.now();
    const { table, settings } = this.#context;
    const due = new Map<string, number>();
    for (const record of this.#replica.records()) {
      if (isProviderSpace(record.space)) continue;
      const dueMs = this.#due.get(record.slot) ?? this.#nextRoundMs();
      due.set(record.slot, dueMs > nowMs ? dueMs : this.#nextRoundMs());
      if (dueMs > nowMs) continue;
      const closest = table.closest(record.key, settings.dhtBucketSize);
      if (this.#rank(record.key, closest) >= settings.dhtBucketSize) continue;
      for (const to of closest) this.#enqueue({ record, to });
    }
    this.#due = due;
  }

  #nextRoundMs(): number {
    const { settings, components } = this.#context;
    return this.#context.now() + settings.dhtReplicationIntervalMs * (1 - jitter + 2 * jitter * components.random.float());
  }

  #enqueue(transfer: Transfer): void {
    this.#queue.push(transfer);
    if (this.#draining) return;
    this.#draining = true;
    this.#drain();
  }

  #drain(): void {
    for (const transfer of this.#queue.splice(0, burst)) this.#send(transfer, () => undefined);
    if (this.#queue.length === 0) {
      this.#draining = false;
      return;
    }
    this.#context.deadlines.set(this.#context.now() + burstPauseMs, () => this.#drain());
  }

  #send({ record, to }: Transfer, settled: () => void): void {
    this.#context.requests.send(to, { type: 'store', record: record.signed, expectedSequence: undefined }, {
      answered: (reply) => {
        // It holds a newer one: so should we.
        if (reply.type === 'newer') this.#replica.offer(reply.record, undefined, undefined, () => undefined);
        settled();
      },
      failed: settled,
    });
  }
}
