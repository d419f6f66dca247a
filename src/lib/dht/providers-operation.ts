import type { Contact } from './contact.js';
import type { Deadline } from './deadline-queue.js';
import type { CachedProviders, DhtNode, Finish, Running } from './dht-node.js';
import type { ProvidersResult } from './dht-operations.js';
import type { DhtReply } from './dht-requests.js';
import { LookupRun } from './lookup-run.js';
import type { RecordKey } from './record-keys.js';
import { compareRecords } from './record-order.js';
import type { DecodedRecord, SignedRecord } from './record.js';

export interface FindProvidersOptions {
  readonly key: RecordKey;
  /** Providers after which no more are asked for. */
  readonly limit: number;
  readonly fresh: boolean;
  /** Time after which silent nodes are waited for no longer. */
  readonly patienceMs: number | undefined;
}

/** Providers of a first page, and most of one page. */
const pageSize = 64;

/** Finds who provides: the union of what enough holders list, the newest record of each provider, those that withdrew left out. */
export function findProviders(node: DhtNode, options: FindProvidersOptions, finish: Finish<ProvidersResult>): Running {
  const { context, providers } = node;
  const keyHex = Buffer.from(options.key.bytes).toString('hex');
  const cached = options.fresh ? undefined : providers.get(keyHex, context.now());
  if (cached) {
    const alive = withoutExpired(cached, Math.min(context.components.clock.wallMs(), context.steadyWallMs()));
    finish({ type: 'providers', hops: 0, queried: 0, answered: 0, isComplete: true, durationMs: 0, records: alive.slice(0, options.limit).map(({ signed }) => signed), source: 'cache' });
    return { abort: () => undefined };
  }
  return new ProviderSearch(node, options, keyHex, finish).start();
}

function withoutExpired(records: CachedProviders, wallMs: number): CachedProviders {
  return records.filter(({ createdMs, ttlMs }) => createdMs + ttlMs > wallMs);
}

class ProviderSearch {
  readonly #node: DhtNode;
  readonly #options: FindProvidersOptions;
  readonly #keyHex: string;
  readonly #finish: Finish<ProvidersResult>;
  readonly #lookup: LookupRun;
  /** The newest record of each publisher, tombstones included. */
  readonly #found = new Map<string, DecodedRecord>();
  /** Signatures met: holders list the same records, and verifying is dear. */
  readonly #seen = new Set<string>();
  #holders = 0;
  #hops = 0;
  #pagesOut = 0;
  #lookupDone = false;
  #patience: Deadline | undefined;
  #ended = false;

  constructor(node: DhtNode, options: FindProvidersOptions, keyHex: string, finish: Finish<ProvidersResult>) {
    this.#node = node;
    this.#options = options;
    this.#keyHex = keyHex;
    this.#finish = finish;
    this.#lookup = new LookupRun(node.context, {
      target: options.key.bytes,
      request: { type: 'find-providers', key: options.key.bytes, offset: 0, limit: pageSize },
      wary: true,
      thorough: true,
      askConnected: true,
      onAnswer: (contact, reply, hop) => this.#hear(contact, reply, hop),
      onFinished: () => {
        this.#lookupDone = true;
        this.#endIfDone();
      },
    });
  }

  start(): Running {
    for (const { signed } of this.#node.replica.providers(this.#options.key.bytes, 0, this.#options.limit).entries) this.#take(signed);
    const { context } = this.#node;
    const { patienceMs } = this.#options;
    if (patienceMs !== undefined) this.#patience = context.deadlines.set(context.now() + patienceMs, () => this.#finishWith(false));
    this.#lookup.start();
    return { abort: () => this.#end() };
  }

  /** Hears nobody any more. */
  #end(): void {
    this.#ended = true;
    this.#patience?.cancel();
    this.#lookup.abort();
  }

  #hear(contact: Contact, reply: DhtReply, hop: number): void {
    if (reply.type !== 'records' || reply.records.length === 0) return;
    if (this.#holders++ === 0) this.#hops = hop;
    for (const signed of reply.records) this.#take(signed);
    if (reply.total > reply.records.length && this.#holders <= this.#node.context.settings.dhtReadHolders) this.#nextPage(contact, reply.records.length);
    if (this.#holders >= this.#node.context.settings.dhtReadHolders) this.#lookup.stop();
  }

  #nextPage(contact: Contact, offset: number): void {
    if (offset >= this.#options.limit || this.#alive().length >= this.#options.limit) return;
    this.#pagesOut++;
    const done = (): void => {
      this.#pagesOut--;
      this.#endIfDone();
    };
    this.#node.context.requests.send(contact, { type: 'find-providers', key: this.#options.key.bytes, offset, limit: pageSize }, {
      answered: (reply) => {
        if (reply.type === 'records' && !this.#ended) {
          for (const signed of reply.records) this.#take(signed);
          const next = offset + reply.records.length;
          if (reply.records.length > 0 && reply.total > next) this.#nextPage(contact, next);
        }
        done();
      },
      failed: done,
    });
  }

  #take(signed: SignedRecord): void {
    if (this.#found.size >= this.#options.limit * 2) return;
    const text = Buffer.from(signed.signature).toString('latin1');
    if (this.#seen.has(text)) return;
    this.#seen.add(text);
    const record = this.#node.replica.verified(signed, this.#keyHex);
    if (!record) return;
    const known = this.#found.get(record.publisher);
    if (!known || compareRecords(known, record) < 0) this.#found.set(record.publisher, record);
  }

  #alive(): DecodedRecord[] {
    return [...this.#found.values()].filter(({ kind }) => kind === 'provider');
  }

  #endIfDone(): void {
    if (this.#lookupDone && this.#pagesOut === 0 && !this.#ended) this.#finishWith(true);
  }

  #finishWith(isComplete: boolean): void {
    this.#end();
    const { context, providers } = this.#node;
    const alive = this.#alive().slice(0, this.#options.limit);
    const { dhtCacheMs, dhtNegativeCacheMs } = context.settings;
    // Who was not heard may know of somebody: that nobody was found is not to be remembered then.
    if (alive.length > 0) providers.set(this.#keyHex, alive, context.now() + (isComplete ? dhtCacheMs : dhtNegativeCacheMs));
    else if (isComplete) providers.set(this.#keyHex, alive, context.now() + dhtNegativeCacheMs);
    const source = this.#holders === 0 && alive.length > 0 ? 'local' : 'network';
    this.#finish({ type: 'providers', ...this.#lookup.cost(), hops: this.#hops, records: alive.map(({ signed }) => signed), source, answered: this.#lookup.answered, isComplete });
  }
}
