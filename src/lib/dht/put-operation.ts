import type { Contact } from './contact.js';
import type { DhtNode, FinishStore, Running } from './dht-node.js';
import type { LookupCost, ReplicaOutcome, StoreResult } from './dht-operations.js';
import { LookupRun } from './lookup-run.js';
import type { RecordKey } from './record-keys.js';
import { createRecord, decodeRecord, type DecodedRecord, type RecordKind } from './record.js';
import { StoreRun } from './store-run.js';
import { compareDistance } from './xor.js';

/** What to publish under a key. */
export interface Publication {
  readonly kind: RecordKind;
  readonly key: RecordKey;
  readonly body: Uint8Array;
  readonly ttlMs: number;
  readonly minReplicas?: number | undefined;
  readonly expectedSequence?: number | undefined;
  /** Publish this sequence instead of one above all known. */
  readonly sequence?: number | undefined;
}

/** Where a record goes. */
interface Placement {
  readonly targets: readonly Contact[];
  readonly local: boolean;
  /** Replicas aimed for, those that turned out gone included: a node that is cut off must not call its own copy enough. */
  readonly aim: number;
}

/**
 * Publishes a record: one lookup finds both the newest record under the key and the nodes closest to it, then the
 * record is stored at those. Used by put, delete, provide and their refreshes.
 */
export function publish(node: DhtNode, publication: Publication, finish: FinishStore): Running {
  const { context, replica } = node;
  const keyHex = Buffer.from(publication.key.bytes).toString('hex');
  const held = replica.get(publication.key.bytes)?.signed;
  let newest = held && replica.verified(held, keyHex);
  let store: StoreRun | undefined;
  const many = publication.key.space === 'procedure' || publication.key.space === 'topic';
  const lookup = new LookupRun(context, {
    target: publication.key.bytes,
    request: many ? { type: 'find-node', target: publication.key.bytes } : { type: 'find-value', key: publication.key.bytes },
    wary: true,
    // Who wants to write over one particular record has to see it; otherwise a replica that holds a newer one says so.
    trusting: publication.expectedSequence === undefined,
    onAnswer: (_contact, reply) => {
      if (reply.type !== 'records') return;
      for (const signed of reply.records) newest = replica.newer(newest, signed, keyHex);
    },
    onFinished: (run) => {
      store = storeAt(node, publication, newest, run, finish);
    },
  });
  lookup.start();
  return {
    abort: () => {
      lookup.abort();
      store?.abort();
    },
  };
}

function storeAt(node: DhtNode, publication: Publication, newest: DecodedRecord | undefined, run: LookupRun, finish: FinishStore): StoreRun | undefined {
  const { components } = node.context;
  const { kind, key, body, ttlMs, expectedSequence, minReplicas } = publication;
  const wallMs = components.clock.wallMs();
  const known = newest?.sequence ?? 0;
  // Numbered by the time of day, so that a writer that saw nothing newer still comes after what it did not see.
  const sequence = publication.sequence ?? Math.max(known + 1, Math.floor(wallMs));
  const record = createRecord(components.realmId, { kind, key, sequence, createdMs: Math.floor(wallMs), ttlMs, body }, components.signer);
  const placement = place(node, key.bytes, run);
  const quorum = minReplicas ?? (placement.aim >> 1) + 1;
  const base = { type: 'store' as const, record, sequence, target: placement.aim, quorum };
  if (expectedSequence !== undefined && known !== expectedSequence) {
    finish({ ...base, ...run.cost(), outcome: 'stale', newer: newest?.signed, confirmed: 0, replicas: [] });
    return undefined;
  }
  const store = new StoreRun(node.context, {
    record,
    expectedSequence,
    targets: placement.targets,
    spare: run.further(),
    local: placement.local,
    quorum,
    onFinished: (replicas) => finish(judge(node, base, run.cost(), replicas, key)),
  });
  store.start(node.replica);
  return store;
}

/** The replicas: the closest that answered, this node among them where it is as close. */
function place(node: DhtNode, key: Uint8Array, run: LookupRun): Placement {
  const { context } = node;
  const replicas = context.settings.dhtBucketSize;
  const closest = run.closest();
  const last = closest.at(-1);
  const local = closest.length < replicas || (last !== undefined && compareDistance(key, context.selfId, last.id) < 0);
  const targets = local && closest.length >= replicas ? closest.slice(0, -1) : closest;
  return { targets, local, aim: Math.min(replicas, closest.length + run.unansweredNodes + (local ? 1 : 0)) };
}

function judge(node: DhtNode, base: Pick<StoreResult, 'type' | 'record' | 'sequence' | 'target' | 'quorum'>, cost: LookupCost, replicas: readonly ReplicaOutcome[], key: RecordKey): StoreResult {
  const keyHex = Buffer.from(key.bytes).toString('hex');
  let confirmed = 0;
  let refused = 0;
  // Signed just now: verifying it would only cost time.
  const decoded = decodeRecord(base.record);
  const own = decoded.ok ? decoded.record : undefined;
  let newest = own;
  for (const { answer } of replicas) {
    if (answer.type === 'stored') confirmed++;
    else if (answer.type === 'refused') refused++;
    else if (answer.type === 'newer') newest = node.replica.newer(newest, answer.record, keyHex);
  }
  const overtaken = newest !== own ? newest : undefined;
  // A replica that says `newer` without a record that is would make us believe in a writer there never was.
  const outcome = overtaken ? 'stale' : confirmed >= base.quorum ? 'stored' : confirmed === 0 && refused > 0 ? 'refused' : 'under-replicated';
  return { ...base, ...cost, outcome, newer: overtaken?.signed, confirmed, replicas };
}
