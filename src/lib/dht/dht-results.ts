import { MaculaError } from '../base/errors.js';
import { formatAddress } from '../base/address.js';
import type { NodeId } from '../identity/node-id.js';
import type { Contact, Reachability } from './contact.js';
import type { GetResult, LookupCost, NodesResult, ProvidersResult, ReplicaOutcome, StoreResult, TraceResult, TraceStep } from './dht-operations.js';
import { decodeRecord, type DecodedRecord, type SignedRecord } from './record.js';

/** What a put or delete came to. */
export interface DhtPutResult {
  readonly key: string;
  /** 64 hex characters: where in the id space the record is. */
  readonly keyHash: string;
  /** Nodes that confirmed that the record is on their disk, this one included. */
  readonly replicas: number;
  readonly target: number;
  readonly quorum: number;
  readonly seq: number;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly durationMs: number;
}

/** A value found. */
export interface DhtValue {
  readonly key: string;
  readonly value: Uint8Array;
  readonly publisher: NodeId;
  readonly seq: number;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly source: 'cache' | 'local' | 'network';
  readonly hops: number;
  readonly queried: number;
  readonly durationMs: number;
}

export interface DhtProvider {
  readonly nodeId: NodeId;
  /** What the provider said of itself. */
  readonly body: Uint8Array;
  readonly seq: number;
  /** ISO 8601. */
  readonly expiresAt: string;
}

export interface DhtProviders {
  readonly name: string;
  readonly keyHash: string;
  readonly providers: readonly DhtProvider[];
  readonly source: 'cache' | 'local' | 'network';
  readonly hops: number;
  readonly queried: number;
  /** Of those asked, how many answered. */
  readonly answered: number;
  /** False where patience ended before the lookup did: others may know of more. */
  readonly isComplete: boolean;
  readonly durationMs: number;
}

/** A node as results show it. */
export interface DhtContact {
  readonly nodeId: NodeId;
  /** As `host:port`. */
  readonly addresses: readonly string[];
  readonly reachability: Reachability;
}

export interface DhtNodes {
  readonly target: string;
  /** Closest first. */
  readonly nodes: readonly DhtContact[];
  readonly hops: number;
  readonly queried: number;
  readonly durationMs: number;
}

/** One request of a traced lookup. */
export interface DhtTraceStep {
  readonly nodeId: NodeId;
  readonly hop: number;
  /** Since the lookup began. */
  readonly startedMs: number;
  readonly durationMs: number | undefined;
  readonly outcome: TraceStep['outcome'];
  readonly holds: boolean;
  readonly returned: number;
}

export interface DhtTrace {
  readonly key: string;
  readonly keyHash: string;
  readonly steps: readonly DhtTraceStep[];
  readonly closest: readonly DhtContact[];
  /** Nodes that hold a record under the key. */
  readonly holders: readonly NodeId[];
  readonly hops: number;
  readonly queried: number;
  readonly durationMs: number;
}

/** Whose key it is, as results name it. */
export interface NamedKey {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The result of a put that came to its end. @throws MaculaError MACULA_STALE_SEQUENCE, MACULA_RECORD_REFUSED, MACULA_UNDER_REPLICATED */
export function putResult(key: NamedKey, result: StoreResult): DhtPutResult {
  const { confirmed, target, quorum, sequence } = result;
  const done = {
    key: key.name, keyHash: hexOf(key.bytes), replicas: confirmed, target, quorum, seq: sequence,
    expiresAt: expiryOf(decoded(result.record)), durationMs: Math.round(result.durationMs),
  };
  const details = { ...done, answers: result.replicas.map(answerOf) };
  switch (result.outcome) {
    case 'stored':
      return done;
    case 'stale': {
      const newer = result.newer && decoded(result.newer);
      const message = newer ? `a record with sequence ${newer.sequence} by another write is there already` : 'the record that was expected is not there';
      throw new MaculaError('MACULA_STALE_SEQUENCE', message, { details: { ...details, newer: newer && { seq: newer.sequence, publisher: newer.publisher } } });
    }
    case 'refused':
      throw new MaculaError('MACULA_RECORD_REFUSED', `no node would hold the record: ${reasonsOf(result.replicas)}`, { details });
    case 'under-replicated':
      throw new MaculaError('MACULA_UNDER_REPLICATED', `${confirmed} of ${target} nodes confirmed the record, ${quorum} were needed`, {
        details,
        hint: confirmed > 0 ? `Those ${confirmed} keep it. Try again when more nodes are reachable, or allow fewer replicas.` : 'Try again when more nodes are reachable.',
      });
  }
}

export function valueOf(name: string, { record, source, ...cost }: GetResult): DhtValue | undefined {
  if (!record) return undefined;
  const { body, publisher, sequence, ...life } = decoded(record);
  return { key: name, value: body, publisher, seq: sequence, expiresAt: expiryOf(life), source, ...costOf(cost) };
}

export function providersOf(key: NamedKey, { records, source, answered, isComplete, ...cost }: ProvidersResult): DhtProviders {
  const providers = records.map(decoded).map(({ publisher, body, sequence, ...life }) => ({ nodeId: publisher, body, seq: sequence, expiresAt: expiryOf(life) }));
  return { name: key.name, keyHash: hexOf(key.bytes), providers, source, answered, isComplete, ...costOf(cost) };
}

export function nodesOf(target: Uint8Array, { contacts, ...cost }: NodesResult): DhtNodes {
  return { target: hexOf(target), nodes: contacts.map(shownContact), ...costOf(cost) };
}

/** @param startMs Clock.nowMs() at which the lookup began */
export function traceOf(key: NamedKey, startMs: number, { steps, closest, holders, ...cost }: TraceResult): DhtTrace {
  return {
    key: key.name,
    keyHash: hexOf(key.bytes),
    steps: steps.map(({ contact, startedMs, durationMs, ...step }) => ({
      ...step, nodeId: contact.nodeId, startedMs: Math.max(0, Math.round(startedMs - startMs)), durationMs: durationMs === undefined ? undefined : Math.round(durationMs),
    })),
    closest: closest.map(shownContact),
    holders,
    ...costOf(cost),
  };
}

export function shownContact({ nodeId, addresses, reachability }: Contact): DhtContact {
  return { nodeId, addresses: addresses.map(formatAddress), reachability };
}

function costOf({ hops, queried, durationMs }: LookupCost): LookupCost {
  return { hops, queried, durationMs: Math.round(durationMs) };
}

function expiryOf({ createdMs, ttlMs }: Pick<DecodedRecord, 'createdMs' | 'ttlMs'>): string {
  return new Date(createdMs + ttlMs).toISOString();
}

/** The core hands out none that it has not verified. */
function decoded(signed: SignedRecord): DecodedRecord {
  const checked = decodeRecord(signed);
  if (!checked.ok) throw new MaculaError('MACULA_UNEXPECTED', `a record that was verified is malformed: ${checked.problem}`);
  return checked.record;
}

function answerOf({ contact, answer, durationMs }: ReplicaOutcome): Record<string, unknown> {
  const reason = answer.type === 'refused' ? answer.reason : answer.type === 'failed' ? answer.failure : undefined;
  return { nodeId: contact.nodeId, answer: answer.type, ...(reason === undefined ? {} : { reason }), durationMs: Math.round(durationMs) };
}

function reasonsOf(replicas: readonly ReplicaOutcome[]): string {
  return [...new Set(replicas.flatMap(({ answer }) => (answer.type === 'refused' ? [answer.reason] : [])))].join(', ');
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
