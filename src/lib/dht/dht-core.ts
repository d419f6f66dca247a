import { MaculaError } from '../base/errors.js';
import { nodeIdToBytes, type NodeId } from '../identity/node-id.js';
import { contactsFor, type Contact } from './contact.js';
import { DeadlineQueue } from './deadline-queue.js';
import type { DhtComponents, DhtContext, DhtSettings } from './dht-context.js';
import type { DhtEffect, DhtEvent } from './dht-events.js';
import type { DhtNode, Running } from './dht-node.js';
import type { DhtOperation, DhtResult } from './dht-operations.js';
import { DhtRequestTracker } from './dht-request-tracker.js';
import { getValue } from './get-operation.js';
import { LookupRun } from './lookup-run.js';
import { Maintenance } from './maintenance.js';
import { findProviders } from './providers-operation.js';
import { Publications } from './publications.js';
import { publish, type Publication } from './put-operation.js';
import { maxBodyBytes, maxTtlMs } from './record.js';
import type { RecordStoreLimits } from './record-store-core.js';
import { Replica } from './replica.js';
import { Replication } from './replication.js';
import { ResultCache } from './result-cache.js';
import { RoutingTable } from './routing-table.js';
import { RttTable } from './rtt-table.js';
import { Serving } from './serving.js';
import { SteadyWallClock } from './steady-clock.js';

/** A node of the table as others see it. */
export interface KnownNode {
  readonly contact: Contact;
  readonly lastSeenMs: number;
  readonly rttMs: number | undefined;
  readonly connected: boolean;
}

export interface DhtStats {
  readonly nodes: number;
  readonly records: number;
  readonly recordBytes: number;
  readonly requestsInFlight: number;
  readonly operations: number;
  readonly cachedResults: number;
  /** Estimated from the density of ids around our own. */
  readonly networkSize: number;
}

/** Peers whose round trips are remembered. */
const maxMeasuredPeers = 4096;
/** Providers a caller gets who names no limit. */
const defaultProviderLimit = 100;
/** Life of the tombstone of a value: as long as any replica can hold what it removes. */
const tombstoneTtlMs = maxTtlMs.value;

/**
 * One node's part of the DHT as a state machine without I/O: events go in, effects come out, and time passes only
 * through the `nowMs` given. The node's shell and the simulator drive the same code.
 */
export class DhtCore {
  readonly #context: DhtContext;
  readonly #requests: DhtRequestTracker;
  readonly #node: DhtNode;
  readonly #replication: Replication;
  readonly #maintenance: Maintenance;
  readonly #publications: Publications;
  readonly #serving: Serving;
  readonly #running = new Map<number, Running>();
  #effects: DhtEffect[] = [];
  #nowMs = 0;
  #steady: SteadyWallClock | undefined;

  constructor(components: DhtComponents, settings: DhtSettings, limits: RecordStoreLimits) {
    const selfId = nodeIdToBytes(components.nodeId);
    const observer = {
      alive: (contact: Contact) => this.#maintenance.alive(contact),
      silent: (contact: Contact, broken: boolean) => this.#maintenance.silent(contact, broken),
    };
    const context: DhtContext = {
      components,
      settings,
      selfId,
      table: components.table ?? new RoutingTable(selfId, { bucketSize: settings.dhtBucketSize, maxPerPrefix: settings.dhtMaxPerPrefix, maxPerPrefixInBucket: settings.dhtMaxPerPrefixInBucket }),
      rtts: new RttTable({ minTimeoutMs: settings.dhtMinRequestTimeoutMs, maxTimeoutMs: settings.dhtMaxRequestTimeoutMs, initialTimeoutMs: settings.dhtInitialRequestTimeoutMs, maxPeers: maxMeasuredPeers }),
      deadlines: new DeadlineQueue(),
      get requests() {
        return requests;
      },
      now: () => this.#nowMs,
      steadyWallMs: () => this.#steadyClock().wallMs(this.#nowMs),
      emit: (effect) => this.#effects.push(effect),
    };
    const requests = new DhtRequestTracker(context, observer);
    this.#context = context;
    this.#requests = requests;
    const replica = new Replica(context, limits);
    this.#node = { context, replica, values: new ResultCache(settings.dhtCacheEntries), providers: new ResultCache(settings.dhtCacheEntries) };
    this.#replication = new Replication(context, replica);
    this.#maintenance = new Maintenance(context, this.#replication);
    this.#publications = new Publications(this.#node);
    this.#serving = new Serving(this.#node, this.#replication);
  }

  /**
   * What happened, and what is to be done about it.
   * @param nowMs never less than in an earlier call
   * @throws MaculaError MACULA_VALUE_TOO_LARGE, MACULA_INVALID_VALUE for a put that no replica would take; nothing else
   */
  handle(event: DhtEvent, nowMs: number): DhtEffect[] {
    this.#nowMs = nowMs;
    this.#steadyClock();
    this.#dispatch(event);
    return this.#takeEffects();
  }

  /** When {@link handleTimeout} must next be called; Infinity while there is nothing to wait for. */
  nextDeadline(): number {
    return this.#context.deadlines.nextMs();
  }

  handleTimeout(nowMs: number): DhtEffect[] {
    this.#nowMs = nowMs;
    this.#context.deadlines.run(nowMs);
    return this.#takeEffects();
  }

  /** What the routing table knows of a node. */
  contact(nodeId: NodeId): Contact | undefined {
    return this.#context.table.get(nodeId, nodeIdToBytes(nodeId))?.contact;
  }

  /** The routing table, for people and for remembering across restarts. */
  knownNodes(): KnownNode[] {
    const { rtts, table } = this.#context;
    return [...table.entries()].map(({ contact, lastSeenMs }) => ({
      contact, lastSeenMs, rttMs: rtts.rttMs(contact.nodeId), connected: this.#requests.isConnected(contact.nodeId),
    }));
  }

  stats(): DhtStats {
    const { context, replica, values, providers } = this.#node;
    return {
      nodes: context.table.size,
      records: replica.size,
      recordBytes: replica.bytes,
      requestsInFlight: this.#requests.inFlight,
      operations: this.#running.size,
      cachedResults: values.size + providers.size,
      networkSize: Math.round(context.table.estimatedNetworkSize()),
    };
  }

  /** Begins with the first event: what the wall clock reads then is believed. */
  #steadyClock(): SteadyWallClock {
    return (this.#steady ??= new SteadyWallClock(this.#nowMs, this.#context.components.clock.wallMs()));
  }

  #takeEffects(): DhtEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #dispatch(event: DhtEvent): void {
    switch (event.type) {
      case 'start':
        this.#node.replica.restore(event.stored);
        this.#replication.start();
        this.#maintenance.start(event.contacts);
        break;
      case 'peer-opened':
        this.#requests.opened(event.contact);
        this.#maintenance.seen(event.contact);
        break;
      case 'peer-closed':
        this.#requests.closed(event.nodeId);
        this.#maintenance.left(event.nodeId, nodeIdToBytes(event.nodeId));
        break;
      case 'operation':
        this.#begin(event.operationId, event.operation);
        break;
      case 'abort':
        this.#running.get(event.operationId)?.abort();
        this.#running.delete(event.operationId);
        break;
      case 'request-received':
        this.#requests.heard(event.from);
        this.#maintenance.seen(event.from);
        this.#serving.handle(event.replyTo, event.from, event.request);
        break;
      case 'reply-received':
        this.#requests.onReply(event.requestId, event.reply);
        break;
      case 'request-failed':
        this.#requests.onFailure(event.requestId, event.failure);
        break;
      case 'written':
        this.#node.replica.onWritten(event.writeId, false);
        break;
      case 'write-failed':
        this.#node.replica.onWritten(event.writeId, true);
        break;
    }
  }

  #begin(operationId: number, operation: DhtOperation): void {
    let finished = false;
    const finish = (result: DhtResult): void => {
      finished = true;
      this.#running.delete(operationId);
      this.#context.emit({ type: 'finished', operationId, result });
    };
    const running = this.#run(operation, finish);
    if (!finished) this.#running.set(operationId, running);
  }

  #run(operation: DhtOperation, finish: (result: DhtResult) => void): Running {
    const { context } = this.#node;
    const nothing: Running = { abort: () => undefined };
    switch (operation.type) {
      case 'put':
        return this.#put({ ...operation, kind: 'value' }, operation.keepAlive ?? false, finish);
      case 'delete': {
        this.#publications.forget(operation.key);
        return this.#put({ ...operation, kind: 'tombstone', body: new Uint8Array(0), ttlMs: tombstoneTtlMs }, false, finish);
      }
      case 'get':
        return getValue(this.#node, { key: operation.key, quorum: operation.quorum ?? 'newest', fresh: operation.fresh ?? false }, finish);
      case 'provide':
        checkSize(operation.key.space === 'peer' ? 'peer' : 'provider', operation.body);
        return this.#publications.provide(operation.key, operation.body, finish);
      case 'unprovide':
        this.#node.providers.delete(Buffer.from(operation.key.bytes).toString('hex'));
        return this.#publications.unprovide(operation.key, finish);
      case 'find-providers':
        return findProviders(this.#node, { key: operation.key, limit: operation.limit ?? defaultProviderLimit, fresh: operation.fresh ?? false, patienceMs: operation.patienceMs }, finish);
      case 'find-node':
        return this.#lookup(operation.target, operation.disjointPaths ?? 1, (run) => {
          finish({ type: 'nodes', ...run.cost(), contacts: run.closest().slice(0, context.settings.dhtBucketSize) });
        });
      case 'find-contact':
        return this.#findContact(operation.nodeId, finish);
      case 'trace':
        return this.#trace(operation.key.bytes, finish);
      case 'provider-failed':
        this.#node.providers.deleteWhere((records) => records.some(({ publisher }) => publisher === operation.nodeId));
        finish({ type: 'done' });
        return nothing;
      case 'leave':
        this.#leave(() => finish({ type: 'done' }));
        return nothing;
    }
  }

  #put(publication: Publication, keepAlive: boolean, finish: (result: DhtResult) => void): Running {
    checkSize(publication.kind, publication.body);
    const { values } = this.#node;
    const keyHex = Buffer.from(publication.key.bytes).toString('hex');
    values.delete(keyHex);
    return publish(this.#node, publication, (result) => {
      // What was read meanwhile may be what has just been replaced.
      values.delete(keyHex);
      if (result.outcome === 'stored' && keepAlive) this.#publications.keepValue(publication, result.sequence);
      finish(result);
    });
  }

  #lookup(target: Uint8Array, disjointPaths: number, finished: (run: LookupRun) => void): Running {
    const run = new LookupRun(this.#context, { target, request: { type: 'find-node', target }, disjointPaths, wary: true, thorough: true, onFinished: finished });
    run.start();
    return run;
  }

  /** The node itself need not answer, as in a lookup of its id: it is being dialled. */
  #findContact(nodeId: NodeId, finish: (result: DhtResult) => void): Running {
    const target = nodeIdToBytes(nodeId);
    let found: Contact | undefined;
    const run: LookupRun = new LookupRun(this.#context, {
      target,
      request: { type: 'find-node', target },
      askConnected: true,
      onAnswer: (teller, reply) => {
        found ??= reply.type === 'contacts' ? contactsFor(teller, reply.contacts).find((contact) => contact.nodeId === nodeId) : undefined;
        if (found) run.stop();
      },
      onFinished: () => finish({ type: 'nodes', ...run.cost(), contacts: found ? [found] : [] }),
    });
    run.start();
    return run;
  }

  #trace(key: Uint8Array, finish: (result: DhtResult) => void): Running {
    const { context, replica } = this.#node;
    const run = new LookupRun(context, {
      target: key,
      request: { type: 'find-value', key },
      wary: true,
      thorough: true,
      onFinished: () => {
        const holders: NodeId[] = run.steps.filter(({ holds }) => holds).map(({ contact }) => contact.nodeId);
        if (replica.get(key)) holders.unshift(context.components.nodeId);
        finish({ type: 'trace', ...run.cost(), steps: run.steps, closest: run.closest(), holders });
      },
    });
    run.start();
    return run;
  }

  #leave(done: () => void): void {
    let waiting = 2;
    const settled = (): void => {
      if (--waiting > 0) return;
      this.#node.replica.close();
      done();
    };
    this.#publications.withdrawAll(settled);
    this.#replication.handOver(settled);
  }
}

function checkSize(kind: Publication['kind'], body: Uint8Array): void {
  if (body.length <= maxBodyBytes[kind]) return;
  throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a ${kind} record holds at most ${maxBodyBytes[kind]} bytes, not ${body.length}`, {
    details: { bytes: body.length, maxBytes: maxBodyBytes[kind] },
  });
}
