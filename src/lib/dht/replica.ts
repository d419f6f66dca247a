import type { Contact } from './contact.js';
import type { DhtContext } from './dht-context.js';
import type { StoreAnswer } from './dht-requests.js';
import { networkPrefix } from './network-prefix.js';
import { compareRecords } from './record-order.js';
import { verifyRecord, type VerificationRefusal } from './record-rules.js';
import type { Checked, DecodedRecord, SignedRecord } from './record.js';
import { RecordStoreCore, type ProviderPage, type RecordStoreLimits, type StoreEffect } from './record-store-core.js';
import type { StoredRecord } from './stored-record.js';

/** Carried out when writes are on disk, or could not be. */
interface Batch {
  remaining: number;
  failed: boolean;
  readonly done: (failed: boolean) => void;
}

/** How a record fared here. `record` is there unless it was not even valid. */
export interface OfferOutcome {
  readonly answer: StoreAnswer;
  readonly record: DecodedRecord | undefined;
}

/** Whether two records are the same bytes, so that what is known of one holds for the other. */
export function isSameRecord(a: SignedRecord, b: SignedRecord): boolean {
  return Buffer.compare(a.signature, b.signature) === 0 && Buffer.compare(a.payload, b.payload) === 0;
}

/** The records this node holds for the network. A record counts as stored once it is on disk. */
export class Replica {
  readonly #context: DhtContext;
  readonly #store: RecordStoreCore;
  readonly #writes = new Map<number, Batch>();
  #nextWriteId = 1;
  #dueMs = Infinity;

  constructor(context: DhtContext, limits: RecordStoreLimits) {
    this.#context = context;
    this.#store = new RecordStoreCore(context.selfId, limits);
  }

  get size(): number {
    return this.#store.size;
  }

  get bytes(): number {
    return this.#store.bytes;
  }

  restore(stored: Iterable<readonly [string, unknown]>): void {
    this.#perform(this.#store.restore(stored, this.#context.now(), this.#wallMs()));
    this.#schedule();
  }

  /** The record's fields if it is valid and, where a key is given, is one for that key. */
  verified(signed: SignedRecord, keyHex?: string): DecodedRecord | undefined {
    const checked = this.#verify(signed);
    if (!checked.ok || (keyHex !== undefined && checked.record.keyHex !== keyHex)) return undefined;
    return checked.record;
  }

  /** The newer of a known record and one just received, which counts only if it is valid. */
  newer(known: DecodedRecord | undefined, signed: SignedRecord, keyHex: string): DecodedRecord | undefined {
    if (known && isSameRecord(known.signed, signed)) return known;
    const record = this.verified(signed, keyHex);
    if (!record) return known;
    return known && compareRecords(known, record) >= 0 ? known : record;
  }

  /** A record comes from a peer, or from ourselves where `from` is undefined; `done` is called once its fate is on disk. */
  offer(signed: SignedRecord, from: Contact | undefined, expectedSequence: number | undefined, done: (outcome: OfferOutcome) => void): void {
    const checked = this.#verify(signed);
    if (!checked.ok) {
      done({ answer: { type: 'refused', reason: checked.reason }, record: undefined });
      return;
    }
    const { record } = checked;
    const result = this.#store.offer({ record, source: from && networkPrefix(from), expectedSequence }, this.#context.now(), this.#wallMs());
    switch (result.kind) {
      case 'accepted': {
        const { entry } = result;
        this.#perform(result.effects, (failed) => {
          if (failed) this.#perform(this.#store.writeFailed(entry));
          else this.#store.written(entry);
          done({ answer: failed ? { type: 'refused', reason: 'store-failed' } : { type: 'stored' }, record });
        });
        break;
      }
      case 'newer':
        this.#perform(result.effects);
        done({ answer: { type: 'newer', record: result.record }, record });
        break;
      case 'refused':
        this.#perform(result.effects);
        done({ answer: { type: 'refused', reason: result.reason }, record });
        break;
    }
    this.#schedule();
  }

  get(key: Uint8Array): StoredRecord | undefined {
    return this.#store.get(key, this.#context.now());
  }

  providers(key: Uint8Array, offset: number, limit: number): ProviderPage {
    return this.#store.providers(key, offset, limit, this.#context.now());
  }

  records(): IterableIterator<StoredRecord> {
    return this.#store.records(this.#context.now());
  }

  /** Writes down what an orderly stop has to leave behind. */
  close(): void {
    this.#perform([this.#store.timeEffect(this.#context.now(), this.#wallMs())]);
  }

  onWritten(writeId: number, failed: boolean): void {
    const batch = this.#writes.get(writeId);
    if (!batch) return;
    this.#writes.delete(writeId);
    batch.failed ||= failed;
    if (--batch.remaining === 0) batch.done(batch.failed);
  }

  #verify(signed: SignedRecord): Checked<VerificationRefusal> {
    const { realmId, verify } = this.#context.components;
    return verifyRecord(signed, { realmId, nowWallMs: this.#wallMs(), steadyWallMs: this.#context.steadyWallMs(), verify });
  }

  #wallMs(): number {
    return this.#context.components.clock.wallMs();
  }

  #perform(effects: readonly StoreEffect[], done: (failed: boolean) => void = () => undefined): void {
    const batch: Batch = { remaining: effects.filter((effect) => effect.type === 'write').length, failed: false, done };
    if (batch.remaining === 0) done(false);
    for (const effect of effects) {
      if (effect.type === 'remove') {
        this.#context.emit(effect);
        continue;
      }
      const writeId = this.#nextWriteId++;
      this.#writes.set(writeId, batch);
      this.#context.emit({ type: 'write', writeId, key: effect.key, value: effect.value });
    }
  }

  /** Keeps one deadline for what the store wants to do by itself. */
  #schedule(): void {
    const nextMs = this.#store.nextDeadline();
    if (nextMs >= this.#dueMs) return;
    // A new store wants its time written at once; doing so in a moment spares a loop.
    this.#dueMs = Math.max(nextMs, this.#context.now() + 1);
    this.#context.deadlines.set(this.#dueMs, () => {
      this.#dueMs = Infinity;
      this.#perform(this.#store.handleTimeout(this.#context.now(), this.#wallMs()));
      this.#schedule();
    });
  }
}
