import type { Contact } from './contact.js';
import type { DhtNode, Finish, Running } from './dht-node.js';
import type { GetResult, ReadQuorum } from './dht-operations.js';
import { LookupRun } from './lookup-run.js';
import type { RecordKey } from './record-keys.js';
import { compareRecords } from './record-order.js';
import type { DecodedRecord } from './record.js';
import { isSameRecord } from './replica.js';
import { isCloser } from './xor.js';

export interface GetOptions {
  readonly key: RecordKey;
  readonly quorum: ReadQuorum;
  readonly fresh: boolean;
}

/** Nodes that should hold a record but do not, mended after one read. */
const maxRepairs = 8;

interface Holder {
  readonly contact: Contact;
  readonly record: DecodedRecord;
}

/**
 * Reads a value: the newest of what enough holders answer. Holders of an older one, and closer nodes without any, are
 * given the newest afterwards.
 */
export function getValue(node: DhtNode, options: GetOptions, finish: Finish<GetResult>): Running {
  const { context, values } = node;
  const keyHex = Buffer.from(options.key.bytes).toString('hex');
  const free = { type: 'get' as const, hops: 0, queried: 0, durationMs: 0 };
  const cached = options.fresh ? undefined : values.get(keyHex, context.now());
  if (cached) {
    finish({ ...free, record: cached.record, source: 'cache', agreeing: 0 });
    return { abort: () => undefined };
  }
  const read = new ValueRead(node, options, keyHex, finish);
  return read.start();
}

class ValueRead {
  readonly #node: DhtNode;
  readonly #options: GetOptions;
  readonly #keyHex: string;
  readonly #finish: Finish<GetResult>;
  readonly #lookup: LookupRun;
  readonly #holders: Holder[] = [];
  readonly #without: Contact[] = [];
  readonly #held: DecodedRecord | undefined;
  #newest: DecodedRecord | undefined;
  #hops = 0;

  constructor(node: DhtNode, options: GetOptions, keyHex: string, finish: Finish<GetResult>) {
    this.#node = node;
    this.#options = options;
    this.#keyHex = keyHex;
    this.#finish = finish;
    const held = node.replica.get(options.key.bytes)?.signed;
    this.#held = held && node.replica.verified(held, keyHex);
    this.#newest = this.#held;
    this.#lookup = new LookupRun(node.context, {
      target: options.key.bytes,
      request: { type: 'find-value', key: options.key.bytes },
      wary: true,
      thorough: true,
      askConnected: true,
      onAnswer: (contact, reply, hop) => {
        if (reply.type === 'records') this.#hear(contact, reply.records[0], hop);
      },
      onFinished: () => this.#end(),
    });
  }

  start(): Running {
    if (this.#held && !this.#options.fresh && this.#wanted() <= 1) {
      this.#end();
      return { abort: () => undefined };
    }
    this.#lookup.start();
    return { abort: () => this.#lookup.abort() };
  }

  /** Answers with a record that are enough. When they differ, somebody missed a write, or lies: a majority has to be heard. */
  #wanted(): number {
    const { settings } = this.#node.context;
    const majority = (settings.dhtBucketSize >> 1) + 1;
    switch (this.#options.quorum) {
      case 'one':
        return 1;
      case 'majority':
        return majority;
      case 'newest':
        return this.#holders.some(({ record }) => compareRecords(record, this.#newest ?? record) !== 0) ? majority : settings.dhtReadHolders;
    }
  }

  #hear(contact: Contact, signed: DecodedRecord['signed'] | undefined, hop: number): void {
    const { replica } = this.#node;
    const newest = this.#newest;
    const same = signed && newest && isSameRecord(signed, newest.signed);
    const record = signed && (same ? newest : replica.verified(signed, this.#keyHex));
    if (!record) {
      this.#without.push(contact);
      return;
    }
    if (this.#holders.length === 0) this.#hops = hop;
    this.#holders.push({ contact, record });
    if (!newest || compareRecords(record, newest) > 0) this.#newest = record;
    if (this.#holders.length + (this.#held ? 1 : 0) >= this.#wanted()) this.#lookup.stop();
  }

  #end(): void {
    const { context, values } = this.#node;
    const newest = this.#newest;
    const isNewest = ({ record }: { record: DecodedRecord }): boolean => newest !== undefined && compareRecords(record, newest) === 0;
    const agreeing = this.#holders.filter(isNewest).length + (this.#held && isNewest({ record: this.#held }) ? 1 : 0);
    const record = newest?.kind === 'tombstone' ? undefined : newest?.signed;
    const { dhtCacheMs, dhtNegativeCacheMs } = context.settings;
    const remainingMs = newest && record ? newest.createdMs + newest.ttlMs - Math.min(context.components.clock.wallMs(), context.steadyWallMs()) : Infinity;
    const keepMs = Math.min(record ? dhtCacheMs : dhtNegativeCacheMs, remainingMs);
    if (keepMs > 0) values.set(this.#keyHex, { record, sequence: newest?.sequence ?? 0 }, context.now() + keepMs);
    const source = this.#holders.length === 0 && this.#held ? 'local' : 'network';
    this.#finish({ type: 'get', ...this.#lookup.cost(), hops: this.#hops, record, source, agreeing });
    if (newest) this.#repair(newest);
  }

  #repair(newest: DecodedRecord): void {
    const { context, replica } = this.#node;
    const key = this.#options.key.bytes;
    const stale = this.#holders.filter(({ record }) => compareRecords(record, newest) < 0).map(({ contact }) => contact);
    const furthest = this.#holders.reduce<Contact | undefined>((far, { contact }) => (far && isCloser(key, contact.id, far.id) ? far : contact), undefined);
    // Closer than some holder, these are replicas that came after the write.
    const missing = furthest ? this.#without.filter((contact) => isCloser(key, contact.id, furthest.id)) : [];
    for (const contact of [...stale, ...missing].slice(0, maxRepairs)) {
      context.requests.send(contact, { type: 'store', record: newest.signed, expectedSequence: undefined }, { answered: () => undefined, failed: () => undefined });
    }
    if (this.#held && compareRecords(this.#held, newest) < 0) replica.offer(newest.signed, undefined, undefined, () => undefined);
  }
}
