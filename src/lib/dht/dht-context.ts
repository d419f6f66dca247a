import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { Signer, VerifySignature } from '../identity/signing.js';
import type { Contact } from './contact.js';
import type { DeadlineQueue } from './deadline-queue.js';
import type { DhtEffect } from './dht-events.js';
import type { DhtReply, DhtRequest, RequestFailure } from './dht-requests.js';
import type { RoutingTable } from './routing-table.js';
import type { RttTable } from './rtt-table.js';

/** What the DHT core is built from: no I/O among it. */
export interface DhtComponents {
  readonly nodeId: NodeId;
  /** The realm's id, 32 bytes. */
  readonly realmId: Uint8Array;
  /** Signs this node's records. */
  readonly signer: Signer;
  readonly verify: VerifySignature;
  /** Dates of records only; everything else goes by the `nowMs` of events. */
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly random: RandomSource;
  /** The table to begin with; an empty one where absent. */
  readonly table?: RoutingTable;
}

export type DhtSettings = Pick<
  Settings,
  | 'dhtBucketSize'
  | 'dhtParallelism'
  | 'dhtMaxParallelism'
  | 'dhtMaxPerPrefix'
  | 'dhtMaxPerPrefixInBucket'
  | 'dhtMinRequestTimeoutMs'
  | 'dhtInitialRequestTimeoutMs'
  | 'dhtMaxRequestTimeoutMs'
  | 'dhtLivenessIntervalMs'
  | 'dhtLivenessPings'
  | 'dhtBucketRefreshMs'
  | 'dhtReplicationIntervalMs'
  | 'dhtProviderRefreshMs'
  | 'dhtReadHolders'
  | 'dhtCacheMs'
  | 'dhtNegativeCacheMs'
  | 'dhtCacheEntries'
>;

/** What becomes of one request. At most one of `answered` and `failed` is called, `slow` at most once and before. */
export interface RequestHandlers {
  answered(reply: DhtReply, durationMs: number): void;
  failed(failure: RequestFailure, durationMs: number): void;
  /** The peer took longer than it usually does; the answer may still come. */
  slow?(): void;
  /** It took several times as long. */
  overdue?(): void;
}

/** What a part of the DHT needs to ask peers. */
export interface DhtRequests {
  send(contact: Contact, request: DhtRequest, handlers: RequestHandlers): number;
  /** Nobody waits for it any more: no handler is called. */
  cancel(requestId: number): void;
  isConnected(nodeId: NodeId): boolean;
  /** What a node with an open session last said of where it is. */
  connectedTo(nodeId: NodeId): Contact | undefined;
  /** Nodes with an open session. */
  connected(): Iterable<Contact>;
}

/** What the parts of one node's DHT share. */
export interface DhtContext {
  readonly components: DhtComponents;
  readonly settings: DhtSettings;
  /** Our own id as bytes. */
  readonly selfId: Uint8Array;
  readonly table: RoutingTable;
  readonly rtts: RttTable;
  readonly deadlines: DeadlineQueue;
  readonly requests: DhtRequests;
  /** Monotonic time of the event being handled, milliseconds. */
  now(): number;
  /** Wall clock as it would read had nobody set it since the first event (steady-clock.ts). */
  steadyWallMs(): number;
  emit(effect: DhtEffect): void;
}
