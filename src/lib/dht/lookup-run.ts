import type { NodeId } from '../identity/node-id.js';
import { contactsFor, type Contact } from './contact.js';
import type { DhtContext } from './dht-context.js';
import type { LookupCost, TraceStep } from './dht-operations.js';
import type { DhtReply, DhtRequest } from './dht-requests.js';
import { LookupCore, type LookupEffect, type LookupEvent } from './lookup-core.js';
import { networkPrefix } from './network-prefix.js';
import { distanceShare } from './xor.js';

export interface LookupRunOptions {
  readonly target: Uint8Array;
  /** What each node on the way is asked; its answer carries contacts. */
  readonly request: DhtRequest;
  /** Independent paths, none of which asks a node another one asks (Baumgart and Mies, S/Kademlia, section 4.4). */
  readonly disjointPaths?: number;
  /** Whether to go on past the k-th node where the network looks too dense around the target, or too thin. */
  readonly wary?: boolean;
  /** Whether finding the very closest matters more than time. */
  readonly thorough?: boolean;
  /** Whether those named by the closest need not have answered themselves: whoever stores at them finds out. */
  readonly trusting?: boolean;
  /**
   * Whether to ask nodes with an open session while the routing table is empty, though they may not be of the DHT. A read
   * loses nothing by it; a write would count those that stay silent as replicas it failed to reach.
   */
  readonly askConnected?: boolean;
  /** Sees every answer before the lookup does; may call {@link LookupRun.stop}. */
  onAnswer?(contact: Contact, reply: DhtReply, hop: number): void;
  onFinished(run: LookupRun): void;
}

/** Contacts of the table that a lookup begins with: k, and as many again in case those are gone. */
const seedFactor = 2;
/** Requests of one lookup: many times what an honest one of the largest network takes. */
const maxRequests = 200;
/** How far beyond k a lookup goes where the network looks too dense. */
const maxCountFactor = 3;
/** The k-th node nearer than this share of where it should be: ids were ground. Chance alone does it once in fifty. */
const suspiciousShare = 0.5;
/** The k-th node further away than so many times where it should be: those asked keep others from us. */
const suspiciousGap = 2;
/** Attempts of a lookup in which nobody answered, and the pause before the second, which doubles. */
const maxAttempts = 4;
const firstPauseMs = 200;

/** A lookup over the network: its requests, its answers, what it cost. Calls back exactly once unless it is aborted. */
export class LookupRun {
  readonly #context: DhtContext;
  readonly #options: LookupRunOptions;
  readonly #startedMs: number;
  readonly #inFlight = new Set<number>();
  /** Nodes asked whose answer may still come. */
  readonly #waiting = new Set<NodeId>();
  readonly #steps: TraceStep[] = [];
  #paths: LookupCore[] = [];
  #attempts = 0;
  #queried = 0;
  #answered = 0;
  #ended = false;
  #stopped = false;

  constructor(context: DhtContext, options: LookupRunOptions) {
    this.#context = context;
    this.#options = options;
    this.#startedMs = context.now();
    context.table.touch(options.target, this.#startedMs);
  }

  /** @param seeds where to begin, beside the closest of the routing table */
  start(seeds: readonly Contact[] = []): void {
    const { table, settings, components } = this.#context;
    const { target } = this.#options;
    this.#attempts++;
    const known = table.closest(target, seedFactor * settings.dhtBucketSize);
    const contacts = [...seeds, ...(known.length > 0 ? known : this.#anybody())];
    const pathCount = this.#options.disjointPaths ?? 1;
    const claimed = new Set<string>();
    const claim = pathCount === 1 ? undefined : (nodeId: string) => !claimed.has(nodeId) && Boolean(claimed.add(nodeId));
    this.#paths = Array.from({ length: pathCount }, () => new LookupCore({
      target,
      self: components.nodeId,
      settings: {
        count: settings.dhtBucketSize,
        maxCount: settings.dhtBucketSize * maxCountFactor,
        parallelism: settings.dhtParallelism,
        maxParallelism: settings.dhtMaxParallelism,
        maxPerPrefix: settings.dhtMaxPerPrefix,
        maxRequests,
      },
      thorough: this.#options.thorough ?? false,
      trusting: this.#options.trusting ?? false,
      isConnected: (nodeId) => this.#context.requests.isConnected(nodeId),
      ...(this.#options.wary ? { isEnough: (answered: readonly Contact[]) => this.#isPlausible(answered) } : {}),
      ...(claim ? { claim } : {}),
    }));
    this.#paths.forEach((path, index) => {
      this.#feed(path, { type: 'seed', contacts: contacts.filter((_, position) => position % pathCount === index) });
    });
  }

  /** While the routing table has nobody who answered: those it doubts, and those with an open session, who were not asked yet. */
  #anybody(): Contact[] {
    const { table, settings, requests } = this.#context;
    const connected = this.#options.askConnected ? [...requests.connected()].slice(0, settings.dhtBucketSize) : [];
    return [...table.closest(this.#options.target, settings.dhtBucketSize, true), ...connected];
  }

  /** Enough was learned: finishes at once. */
  stop(): void {
    this.#stopped = true;
    for (const path of this.#paths) this.#feed(path, { type: 'stop' });
  }

  /** Ends without calling back. */
  abort(): void {
    this.#ended = true;
    this.#cancelAll();
  }

  /** Those that answered, closest first: k, or more where the network looks too dense. */
  closest(): Contact[] {
    return this.#needed(this.#merged((path) => path.closest()));
  }

  /** Known nodes beyond those, closest first. */
  further(): Contact[] {
    return this.#merged((path) => path.further());
  }

  /** Nodes asked that did not answer, or not yet, and are not among the closest. */
  get unansweredNodes(): number {
    const waiting = this.closest().filter(({ nodeId }) => this.#waiting.has(nodeId)).length;
    return this.#queried - this.#answered - waiting;
  }

  /** Nodes that answered. */
  get answered(): number {
    return this.#answered;
  }

  get steps(): readonly TraceStep[] {
    return this.#steps;
  }

  cost(): LookupCost {
    const hops = Math.max(0, ...this.#paths.map((path) => path.hops()));
    return { hops, queried: this.#queried, durationMs: this.#context.now() - this.#startedMs };
  }

  #merged(part: (path: LookupCore) => Contact[]): Contact[] {
    if (this.#paths.length === 1) return part(this.#paths[0]!);
    const { target } = this.#options;
    const all = this.#paths.flatMap(part);
    return all.sort((a, b) => distanceShare(target, a.id) - distanceShare(target, b.id)).slice(0, this.#context.settings.dhtBucketSize);
  }

  /**
   * Whether these are what the density of our own surroundings promises. Whoever grinds ids to own a key crowds close
   * to it, and honest nodes lie beyond; whoever names only its like leaves gaps, and others know of closer ones.
   */
  #isPlausible(answered: readonly Contact[]): boolean {
    const { table, settings } = this.#context;
    if (answered.length < settings.dhtBucketSize) return true;
    const networks = new Set(answered.map((contact) => networkPrefix(contact) ?? contact.nodeId));
    if (networks.size * settings.dhtMaxPerPrefix < answered.length) return false;
    const { target } = this.#options;
    const expectedShare = settings.dhtBucketSize / table.estimatedNetworkSize();
    const kth = distanceShare(target, answered[settings.dhtBucketSize - 1]!.id);
    return distanceShare(target, answered.at(-1)!.id) >= suspiciousShare * expectedShare && kth <= suspiciousGap * expectedShare;
  }

  /** The first k, and as many beyond as it takes to reach where the k-th should be. */
  #needed(answered: readonly Contact[]): Contact[] {
    const { table, settings } = this.#context;
    const reachShare = (suspiciousShare * settings.dhtBucketSize) / table.estimatedNetworkSize();
    const enough = answered.findIndex(({ id }, index) => index + 1 >= settings.dhtBucketSize && distanceShare(this.#options.target, id) >= reachShare);
    return enough === -1 ? [...answered] : answered.slice(0, enough + 1);
  }

  #feed(path: LookupCore, event: LookupEvent): void {
    if (this.#ended) return;
    this.#perform(path, path.handle(event));
  }

  #perform(path: LookupCore, effects: readonly LookupEffect[]): void {
    for (const effect of effects) {
      if (this.#ended) return;
      if (effect.type === 'ask') this.#ask(path, effect.contact, effect.hop);
      else if (this.#paths.every((other) => other.isFinished)) this.#finish();
    }
  }

  #ask(path: LookupCore, contact: Contact, hop: number): void {
    const step = { contact, hop, startedMs: this.#context.now() - this.#startedMs, durationMs: undefined as number | undefined, outcome: 'slow' as TraceStep['outcome'], holds: false, returned: 0 };
    this.#steps.push(step);
    this.#queried++;
    this.#waiting.add(contact.nodeId);
    const requestId = this.#context.requests.send(contact, this.#options.request, {
      answered: (reply, durationMs) => {
        this.#inFlight.delete(requestId);
        this.#waiting.delete(contact.nodeId);
        this.#answered++;
        const contacts = 'contacts' in reply ? contactsFor(contact, reply.contacts) : [];
        Object.assign(step, { durationMs, outcome: 'answered', holds: reply.type === 'records' && reply.records.length > 0, returned: contacts.length });
        if (!this.#ended) this.#options.onAnswer?.(contact, reply, hop);
        this.#feed(path, { type: 'answered', nodeId: contact.nodeId, contacts });
      },
      failed: (_failure, durationMs) => {
        this.#inFlight.delete(requestId);
        this.#waiting.delete(contact.nodeId);
        Object.assign(step, { durationMs, outcome: 'failed' });
        this.#feed(path, { type: 'failed', nodeId: contact.nodeId });
      },
      slow: () => this.#feed(path, { type: 'slow', nodeId: contact.nodeId }),
      overdue: () => this.#feed(path, { type: 'overdue', nodeId: contact.nodeId }),
    });
    this.#inFlight.add(requestId);
  }

  #finish(): void {
    const { table, deadlines, components } = this.#context;
    const nobody = this.#paths.every((path) => path.hops() === 0);
    if (nobody && !this.#stopped && table.size > 0 && this.#queried > 0 && this.#attempts < maxAttempts) {
      const pauseMs = firstPauseMs * 2 ** (this.#attempts - 1) * (0.5 + components.random.float());
      deadlines.set(this.#context.now() + pauseMs, () => {
        if (!this.#ended) this.start();
      });
      return;
    }
    this.#ended = true;
    // Requests still out are left alone: their answers, however late, tell who lives.
    this.#options.onFinished(this);
  }

  #cancelAll(): void {
    for (const requestId of this.#inFlight) this.#context.requests.cancel(requestId);
    this.#inFlight.clear();
  }
}
