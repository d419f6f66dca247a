import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import type { Deadline } from './deadline-queue.js';
import type { DhtContext } from './dht-context.js';
import type { RequestObserver } from './dht-request-tracker.js';
import { LookupRun } from './lookup-run.js';
import { LostContacts } from './lost-contacts.js';
import type { Replication } from './replication.js';
import { idBits, randomIdInBucket } from './xor.js';

/** Silent nodes remembered for after a partition. */
const maxLost = 200;
/** One of them is tried with every sign of life asked for; once one is back, so many at once. */
const lostBurst = 20;
/** Pause between two such bursts, and between two self lookups. */
const rejoinPauseMs = 5000;
/** How often a joining or refreshing node looks into its next bucket, about: a lookup takes that long at most. */
const refreshPauseMs = 500;
/** How often idle buckets are looked for. */
const refreshCheckMs = 60_000;
/**
 * Pause before a neighbour whose session ended is asked for a sign of life, twice as long on the side with the larger id: both sides ask, and would
 * dial each other at the same time.
 */
const leftPauseMs = 500;
/** Newcomers being asked for a sign of life at once. */
const maxVerifications = 64;
/** After so long without a self lookup, one is made: neighbours matter most. */
const neighbourRefreshMs = 10 * 60_000;
/** Buckets beyond the deepest are empty; far ones are filled by the join. */
const maxJoinBuckets = 32;

/** Keeps the routing table alive: joins, refreshes idle buckets, asks the stalest for a sign of life, lets newcomers in. */
export class Maintenance implements RequestObserver {
  readonly #context: DhtContext;
  readonly #replication: Replication;
  readonly #lost = new LostContacts(maxLost);
  readonly #verifying = new Set<NodeId>();
  /** Neighbours whose sessions ended, until they are asked for a sign of life. */
  readonly #left = new Map<NodeId, Deadline>();
  #selfLookupMs = -Infinity;
  #burstMs = -Infinity;
  #joining = false;
  #joined = false;
  #kept = '';

  constructor(context: DhtContext, replication: Replication) {
    this.#context = context;
    this.#replication = replication;
  }

  /** @param contacts where to begin; whoever of them answers comes into the table */
  start(contacts: readonly Contact[]): void {
    if (this.#context.table.size > 0) {
      this.#joined = true;
      this.#selfLookupMs = this.#context.now();
      this.#keepNeighbours();
    } else if (contacts.length > 0) this.#join(contacts);
    this.#livenessLater();
    this.#refreshLater();
  }

  alive(contact: Contact): void {
    const { table } = this.#context;
    const before = table.version;
    const admission = table.admit(contact, this.#context.now());
    const wasLost = this.#lost.delete(contact.nodeId);
    if (admission === 'added') this.#replication.nodeJoined(contact);
    if (table.version !== before) this.#keepNeighbours();
    if (wasLost) this.#seekLost();
    if (!this.#joined) this.#join([contact]);
  }

  silent(contact: Contact, broken: boolean): void {
    const { table } = this.#context;
    const entry = broken ? table.remove(contact.nodeId, contact.id) : table.recordFailure(contact.nodeId, contact.id);
    if (!entry) return;
    if (!broken) this.#lost.add(entry.contact);
    this.#replication.nodeLost(entry.contact);
    this.#keepNeighbours();
  }

  /** A peer shows itself: by its session, or by asking us. Whether it answers us, too, is found out. */
  seen(contact: Contact): void {
    const { table, requests } = this.#context;
    if (table.get(contact.nodeId, contact.id)) {
      if (requests.isConnected(contact.nodeId)) table.admit(contact, this.#context.now());
      return;
    }
    const wanted = this.#lost.delete(contact.nodeId) || table.wouldAdmit(contact);
    if (wanted) this.#verify(contact);
  }

  /** The session with a node ended: is it gone, or was the connection merely idle? */
  left(nodeId: NodeId, id: Uint8Array): void {
    const { table, requests, deadlines, selfId } = this.#context;
    if (!table.get(nodeId, id) || !this.#kept.includes(nodeId)) return;
    const pauseMs = Buffer.compare(selfId, id) < 0 ? leftPauseMs : 2 * leftPauseMs;
    this.#left.get(nodeId)?.cancel();
    const due = deadlines.set(this.#context.now() + pauseMs, () => {
      this.#left.delete(nodeId);
      const entry = table.get(nodeId, id);
      if (entry && !requests.isConnected(nodeId)) this.#ping(entry.contact);
    });
    this.#left.set(nodeId, due);
  }

  #verify(contact: Contact): void {
    if (this.#verifying.has(contact.nodeId) || this.#verifying.size >= maxVerifications) return;
    this.#verifying.add(contact.nodeId);
    this.#ping(contact, () => this.#verifying.delete(contact.nodeId));
  }

  #ping(contact: Contact, settled: () => void = () => undefined): void {
    this.#context.requests.send(contact, { type: 'find-node', target: this.#context.selfId }, { answered: settled, failed: settled });
  }

  /** Finds our neighbours, then one node in each further range. */
  #join(seeds: readonly Contact[]): void {
    if (this.#joining) return;
    this.#joining = true;
    this.#joined = true;
    this.#lookup(this.#context.selfId, seeds, () => {
      this.#joining = false;
      this.#joined = this.#context.table.size > 0;
      this.#selfLookupMs = this.#context.now();
      this.#refresh(Array.from({ length: Math.min(maxJoinBuckets, this.#context.table.deepest() + 1) }, (_, index) => index));
    });
  }

  #lookup(target: Uint8Array, seeds: readonly Contact[], finished: () => void): void {
    new LookupRun(this.#context, { target, request: { type: 'find-node', target }, onFinished: finished }).start(seeds);
  }

  /** Looks up a random id in each of the buckets, deepest first, one after another. */
  #refresh(buckets: readonly number[]): void {
    const { deadlines, components, selfId } = this.#context;
    const index = buckets.at(-1);
    if (index === undefined || index >= idBits) return;
    const pauseMs = refreshPauseMs * (0.5 + components.random.float());
    deadlines.set(this.#context.now() + pauseMs, () => {
      this.#lookup(randomIdInBucket(selfId, index, components.random), [], () => this.#refresh(buckets.slice(0, -1)));
    });
  }

  #refreshLater(): void {
    const { deadlines, components } = this.#context;
    deadlines.set(this.#context.now() + refreshCheckMs * (0.5 + components.random.float()), () => {
      const nowMs = this.#context.now();
      if (nowMs - this.#selfLookupMs >= neighbourRefreshMs) this.#lookupNeighbours();
      this.#refresh(this.#context.table.idleBuckets(this.#context.settings.dhtBucketRefreshMs, nowMs));
      this.#refreshLater();
    });
  }

  #lookupNeighbours(): void {
    this.#selfLookupMs = this.#context.now();
    this.#lookup(this.#context.selfId, [], () => undefined);
  }

  /** One sign of life at a time, so that they spread over the interval. */
  #livenessLater(): void {
    const { deadlines, settings, components } = this.#context;
    const meanMs = settings.dhtLivenessIntervalMs / settings.dhtLivenessPings;
    deadlines.set(this.#context.now() + meanMs * (0.5 + components.random.float()), () => {
      const [stalest] = this.#context.table.stalest(1, settings.dhtLivenessIntervalMs, this.#context.now());
      if (stalest) this.#ping(stalest.contact);
      this.#tryLost(1);
      this.#livenessLater();
    });
  }

  #tryLost(count: number): void {
    for (const contact of this.#lost.take(count)) {
      this.#ping(contact);
      // Remembered until it answers or better ones push it out.
      this.#lost.add(contact);
    }
  }

  /** One that was lost is back: so may be the others, and with them a part of the network we do not know. */
  #seekLost(): void {
    const { deadlines } = this.#context;
    const nowMs = this.#context.now();
    if (nowMs - this.#burstMs < rejoinPauseMs) return;
    this.#burstMs = nowMs;
    this.#tryLost(lostBurst);
    deadlines.set(nowMs + rejoinPauseMs, () => this.#lookupNeighbours());
  }

  #keepNeighbours(): void {
    const { table, settings, selfId } = this.#context;
    const nodeIds = table.closest(selfId, settings.dhtBucketSize).map(({ nodeId }) => nodeId);
    const text = nodeIds.join();
    if (text === this.#kept) return;
    this.#kept = text;
    this.#context.emit({ type: 'keep-connected', nodeIds });
  }
}
