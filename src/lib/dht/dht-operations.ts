import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import type { RequestFailure, StoreAnswer } from './dht-requests.js';
import type { RecordKey } from './record-keys.js';
import type { SignedRecord } from './record.js';

/** What a local caller can ask of the DHT. Keys are made by record-keys.ts, targets are 32 bytes. */
export type DhtOperation =
  | {
      readonly type: 'put';
      readonly key: RecordKey;
      readonly body: Uint8Array;
      readonly ttlMs: number;
      /** Confirmed replicas that count as success; the majority of the targets where absent. */
      readonly minReplicas?: number;
      /** Only over a record of exactly this sequence; 0: only if there is none. */
      readonly expectedSequence?: number;
      /** Publish it anew at half of its life for as long as this node runs, or until somebody else writes. */
      readonly keepAlive?: boolean;
    }
  | {
      readonly type: 'get';
      readonly key: RecordKey;
      /** `one`: the first answer; `newest` (default): the newest of 3 holders; `majority` of the k closest. */
      readonly quorum?: ReadQuorum;
      /** Ask the network even if the answer is cached or held here. */
      readonly fresh?: boolean;
    }
  | { readonly type: 'delete'; readonly key: RecordKey; readonly minReplicas?: number; readonly expectedSequence?: number }
  /** Publish a provider record (under the key of a peer: a peer record) and keep it fresh until `unprovide`. */
  | { readonly type: 'provide'; readonly key: RecordKey; readonly body: Uint8Array }
  | { readonly type: 'unprovide'; readonly key: RecordKey }
  | {
      readonly type: 'find-providers';
      readonly key: RecordKey;
      readonly limit?: number;
      readonly fresh?: boolean;
      /** Time after which nodes that are silent are waited for no longer; until all have answered or failed where absent. */
      readonly patienceMs?: number;
    }
  | { readonly type: 'find-node'; readonly target: Uint8Array; readonly disjointPaths?: number }
  /** How to reach one node, from the first that names it; its result has one contact or none. */
  | { readonly type: 'find-contact'; readonly nodeId: NodeId }
  | { readonly type: 'trace'; readonly key: RecordKey }
  /** A provider did not serve: results that name it are forgotten. */
  | { readonly type: 'provider-failed'; readonly nodeId: NodeId }
  /** Orderly stop: providers are withdrawn and records handed to the next closest. */
  | { readonly type: 'leave' };

export type ReadQuorum = 'one' | 'newest' | 'majority';

/** What one replica said to a STORE. */
export interface ReplicaOutcome {
  readonly contact: Contact;
  readonly answer: StoreAnswer | { readonly type: 'failed'; readonly failure: RequestFailure };
  readonly durationMs: number;
}

/** One request of a lookup, for `dht trace`. */
export interface TraceStep {
  readonly contact: Contact;
  /** Requests between us and the one that named this contact, plus one. */
  readonly hop: number;
  readonly startedMs: number;
  /** Undefined while nothing came back. */
  readonly durationMs: number | undefined;
  readonly outcome: 'answered' | 'failed' | 'slow';
  /** The contact holds a record under the key. */
  readonly holds: boolean;
  readonly returned: number;
}

/** What a lookup cost. */
export interface LookupCost {
  /** Requests in a row that led to the result. */
  readonly hops: number;
  readonly queried: number;
  readonly durationMs: number;
}

/** What became of a put, delete or provide. */
export interface StoreResult extends LookupCost {
  readonly type: 'store';
  /**
   * `stored`: enough replicas confirmed; `under-replicated`: too few did; `stale`: a newer record exists, or not the
   * expected one; `refused`: no replica took it, with reasons in `replicas`.
   */
  readonly outcome: 'stored' | 'under-replicated' | 'stale' | 'refused';
  readonly record: SignedRecord;
  readonly sequence: number;
  /** The newest record seen that is not ours, where the outcome is `stale`. */
  readonly newer: SignedRecord | undefined;
  /** Replicas aimed for and how many of them had to confirm. */
  readonly target: number;
  readonly quorum: number;
  /** Confirmed replicas, this node's own included. */
  readonly confirmed: number;
  readonly replicas: readonly ReplicaOutcome[];
}

/** A record found, or that there is none. */
export interface GetResult extends LookupCost {
  readonly type: 'get';
  readonly record: SignedRecord | undefined;
  readonly source: 'cache' | 'local' | 'network';
  /** Holders that answered with this very record. */
  readonly agreeing: number;
}

export interface ProvidersResult extends LookupCost {
  readonly type: 'providers';
  /** The newest record of each provider, none twice. */
  readonly records: readonly SignedRecord[];
  readonly source: 'cache' | 'local' | 'network';
  /** Of those asked, how many answered. */
  readonly answered: number;
  /** False where patience ended before the lookup did: others may know of more. */
  readonly isComplete: boolean;
}

export interface NodesResult extends LookupCost {
  readonly type: 'nodes';
  /** The closest that answered, closest first, at most k. */
  readonly contacts: readonly Contact[];
}

export interface TraceResult extends LookupCost {
  readonly type: 'trace';
  readonly steps: readonly TraceStep[];
  readonly closest: readonly Contact[];
  /** Who answered that they hold a record under the key. */
  readonly holders: readonly NodeId[];
}

export type DhtResult =
  | StoreResult
  | GetResult
  | ProvidersResult
  | NodesResult
  | TraceResult
  /** `unprovide`, `provider-failed` and `leave`: done as far as it could be. */
  | { readonly type: 'done' };
