import type { DhtNode, Finish, FinishStore, Running } from './dht-node.js';
import { publish, type Publication } from './put-operation.js';
import type { RecordKey } from './record-keys.js';

/** Life of a provider record; a node that vanished is found for no longer. */
const providerTtlMs = 10 * 60_000;
/** Life of a peer record. */
const peerTtlMs = 60 * 60_000;
/** A value is published anew after this share of its life. */
const refreshShare = 0.5;
/** Life of the tombstone of a provider: longer than any of its records. */
const withdrawalTtlMs = 2 * providerTtlMs;
/** Share of the interval by which a refresh may come earlier, so that they do not come in step. */
const jitter = 0.1;

interface Kept {
  readonly publication: Publication;
  readonly refreshMs: number;
  cancelled: boolean;
}

/** What this node keeps published for as long as it runs. */
export class Publications {
  readonly #node: DhtNode;
  readonly #kept = new Map<string, Kept>();

  constructor(node: DhtNode) {
    this.#node = node;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Publishes a provider record, or under the key of a peer this node's peer record, and keeps it fresh. */
  provide(key: RecordKey, body: Uint8Array, finish: FinishStore): Running {
    const ownPeer = key.space === 'peer';
    const publication: Publication = { kind: ownPeer ? 'peer' : 'provider', key, body, ttlMs: ownPeer ? peerTtlMs : providerTtlMs };
    this.keep(publication, ownPeer ? peerTtlMs * refreshShare : this.#node.context.settings.dhtProviderRefreshMs);
    return publish(this.#node, publication, finish);
  }

  /** Publishes the same again and again, each `refreshMs` from now on, instead of what was kept under the key. */
  keep(publication: Publication, refreshMs: number): void {
    const keyHex = hexOf(publication.key);
    this.forget(publication.key);
    const kept: Kept = { publication, refreshMs, cancelled: false };
    this.#kept.set(keyHex, kept);
    this.#later(kept);
  }

  /** Publishes a value anew at half of its life, each time under the same sequence, so that whoever wrote since is not overwritten. */
  keepValue(publication: Publication, sequence: number): void {
    this.keep({ ...publication, sequence }, publication.ttlMs * refreshShare);
  }

  /** What is kept under the key is not refreshed any more. */
  forget(key: RecordKey): boolean {
    const kept = this.#kept.get(hexOf(key));
    if (!kept) return false;
    kept.cancelled = true;
    this.#kept.delete(hexOf(key));
    return true;
  }

  /** Withdraws a provider record. */
  unprovide(key: RecordKey, finish: Finish): Running {
    if (!this.forget(key)) {
      finish({ type: 'done' });
      return { abort: () => undefined };
    }
    return publish(this.#node, { kind: 'tombstone', key, body: new Uint8Array(0), ttlMs: withdrawalTtlMs }, () => finish({ type: 'done' }));
  }

  /** Withdraws every provider record; `done` is called when all are, as far as it went. */
  withdrawAll(done: () => void): void {
    const keys = [...this.#kept.values()].filter(({ publication }) => publication.kind === 'provider').map(({ publication }) => publication.key);
    let waiting = keys.length;
    if (waiting === 0) done();
    for (const key of keys) {
      this.unprovide(key, () => {
        if (--waiting === 0) done();
      });
    }
    for (const { publication } of [...this.#kept.values()]) this.forget(publication.key);
  }

  #later(kept: Kept): void {
    const { context } = this.#node;
    const delayMs = kept.refreshMs * (1 - jitter * context.components.random.float());
    context.deadlines.set(context.now() + delayMs, () => {
      if (kept.cancelled) return;
      publish(this.#node, { ...kept.publication, expectedSequence: undefined, minReplicas: undefined }, (result) => {
        // Somebody else wrote since: theirs stands.
        if (result.outcome === 'stale') this.forget(kept.publication.key);
      });
      this.#later(kept);
    });
  }
}

function hexOf(key: RecordKey): string {
  return Buffer.from(key.bytes).toString('hex');
}
