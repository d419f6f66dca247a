import { throwIfAborted, withTimeout } from '../base/abort.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import { nodeIdToBytes, parseNodeId, type NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import { ContactMemory } from './contact-memory.js';
import type { DhtComponents, DhtSettings } from './dht-context.js';
import { DhtCore, type DhtStats as CoreStats } from './dht-core.js';
import { DhtDriver, type DriverStats } from './dht-driver.js';
import type { DhtOperation, DhtResult, ReadQuorum } from './dht-operations.js';
import {
  nodesOf, providersOf, putResult, shownContact, traceOf, valueOf,
  type DhtContact, type DhtNodes, type DhtProviders, type DhtPutResult, type DhtTrace, type DhtValue, type NamedKey,
} from './dht-results.js';
import { failedOperation, reportOf, type OperationReport } from './operation-report.js';
import { OperationQueue, type OperationQueueSettings } from './operation-queue.js';
import type { DhtPorts } from './ports.js';
import { ownedKey, peerKey, procedureKey, sharedKey, topicKey, type RecordKey } from './record-keys.js';
import { maxBodyBytes, maxTtlMs } from './record.js';
import { commonPrefixLength } from './xor.js';

export type DhtServiceComponents = DhtPorts & Omit<DhtComponents, 'clock'>;

export type DhtServiceSettings = DhtSettings &
  OperationQueueSettings &
  Pick<Settings, 'dhtMaxServing' | 'dhtLeaveMs' | 'dhtValueTtlMs' | 'dhtStoreBytes' | 'dhtStoreBytesPerPrefix' | 'dhtRecordsPerPublisher' | 'dhtProvidersPerKey' | 'dhtSequenceMarks'>;

export interface WriteOptions {
  /** Confirmed replicas that count as success, 1 to k; the majority of the targets where absent. */
  readonly minReplicas?: number;
  /** Only over a record of exactly this sequence; 0: only where there is none. */
  readonly expectedSequence?: number;
  /** Under a key that only this node can write. */
  readonly owned?: boolean;
  readonly signal?: AbortSignal;
}

export interface PutOptions extends WriteOptions {
  /** Life of the value in milliseconds, at most 7 days; the setting dhtValueTtlMs where absent. */
  readonly ttlMs?: number;
  /** Publish it anew at half of its life for as long as this node runs, or until somebody else writes. */
  readonly keepAlive?: boolean;
}

export interface GetOptions {
  /** `one`: the first answer; `newest` (default): the newest of 3 holders; `majority` of the k closest. */
  readonly quorum?: ReadQuorum;
  /** Ask the network even if the answer is cached or held here. */
  readonly fresh?: boolean;
  /** Whose owned key it is; absent: a key anybody can write. */
  readonly owner?: NodeId;
  readonly signal?: AbortSignal;
}

/** What can be provided under a name. */
export type ProvidedKind = 'procedure' | 'topic';

/** A node of the routing table. */
export interface DhtTableEntry extends DhtContact {
  /** Bits of its id shared with our own. */
  readonly bucket: number;
  readonly connected: boolean;
  readonly rttMs: number | undefined;
  readonly lastSeenSecondsAgo: number;
}

export interface DhtServiceStats extends Omit<CoreStats, 'operations' | 'requestsInFlight'>, DriverStats {
  readonly operationsRunning: number;
  readonly operationsWaiting: number;
}

export interface DhtServiceEvents {
  /** An operation asked for here came to its end. */
  operation: OperationReport;
}

/** Longest name of a key, in bytes of UTF-8: names are for people. */
const maxNameBytes = 1024;

/**
 * The distributed hash table of a node: finds values, procedures, topics and nodes, and holds its share of the records
 * of others. Every operation ends at once when its signal aborts; what was sent by then may still take effect.
 */
export class Dht implements Service {
  readonly #components: DhtServiceComponents;
  readonly #settings: DhtServiceSettings;
  readonly #queue: OperationQueue;
  readonly #driver: DhtDriver;
  readonly #memory: ContactMemory;
  readonly #events = new Emitter<DhtServiceEvents>();
  #core: DhtCore;
  #isRunning = false;

  constructor(components: DhtServiceComponents, settings: DhtServiceSettings) {
    this.#components = components;
    this.#settings = settings;
    this.#queue = new OperationQueue(settings);
    this.#core = this.#newCore();
    this.#driver = new DhtDriver(components, () => (this.#core = this.#newCore()), settings);
    this.#memory = new ContactMemory({ ...components, current: () => this.#byLastSeen().map(({ contact }) => contact) });
  }

  on<Name extends keyof DhtServiceEvents>(name: Name, listener: (value: DhtServiceEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#driver.start(this.#memory.load());
    this.#memory.start();
  }

  /** Withdraws providers and hands records over, within dhtLeaveMs, then ends what is under way. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    const { clock, logger } = this.#components;
    const { dhtLeaveMs } = this.#settings;
    this.#queue.clear(stoppedError());
    if (dhtLeaveMs > 0) {
      await withTimeout(clock, dhtLeaveMs, 'leaving the DHT', undefined, (signal) => this.#driver.run({ type: 'leave' }, signal)).catch((error: unknown) =>
        logger.debug('the DHT was left before all records were handed over', { error: MaculaError.from(error).message }),
      );
    }
    await this.#memory.stop();
    await this.#driver.stop();
  }

  /**
   * Stores a value; resolves when enough nodes have it on their disks.
   * @throws MaculaError MACULA_UNDER_REPLICATED, MACULA_STALE_SEQUENCE (compare-and-set, or overtaken by another write),
   * MACULA_RECORD_REFUSED (each with what every replica said), MACULA_VALUE_TOO_LARGE, MACULA_INVALID_VALUE,
   * MACULA_OVERLOADED, MACULA_ABORTED
   */
  async put(key: string, value: Uint8Array, options: PutOptions = {}): Promise<DhtPutResult> {
    const ttlMs = options.ttlMs ?? this.#settings.dhtValueTtlMs;
    if (!Number.isInteger(ttlMs) || ttlMs < 1 || ttlMs > maxTtlMs.value) throw invalid(`a value lives from 1 ms to ${maxTtlMs.value} ms, not ${ttlMs}`);
    if (value.length > maxBodyBytes.value) {
      throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a value has at most ${maxBodyBytes.value} bytes, not ${value.length}`, { details: { bytes: value.length, maxBytes: maxBodyBytes.value } });
    }
    const target = this.#valueKey(key, options.owned ? this.#components.nodeId : undefined);
    return this.#write(key, { type: 'put', key: target, body: value, ttlMs, keepAlive: options.keepAlive ?? false, ...this.#conditions(options) }, options.signal);
  }

  /** Removes a value: a tombstone takes its place. @throws as {@link put} */
  async delete(key: string, options: WriteOptions = {}): Promise<DhtPutResult> {
    const target = this.#valueKey(key, options.owned ? this.#components.nodeId : undefined);
    return this.#write(key, { type: 'delete', key: target, ...this.#conditions(options) }, options.signal);
  }

  /** Reads a value; undefined when there is none. @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  async get(key: string, options: GetOptions = {}): Promise<DhtValue | undefined> {
    const target = this.#valueKey(key, options.owner);
    const result = await this.#run('get', { type: 'get', key: target, quorum: options.quorum ?? 'newest', fresh: options.fresh ?? false }, options.signal);
    return valueOf(key, result);
  }

  /**
   * Says that this node serves a procedure or topic, and keeps saying so until {@link unprovide} or stop. It goes on
   * even where this call fails for want of replicas.
   * @param body told to those who look, at most 1 KiB
   * @throws as {@link put}
   */
  async provide(kind: ProvidedKind, name: string, body: Uint8Array = new Uint8Array(0), options: { signal?: AbortSignal } = {}): Promise<DhtPutResult> {
    if (body.length > maxBodyBytes.provider) {
      throw new MaculaError('MACULA_VALUE_TOO_LARGE', `a provider record has at most ${maxBodyBytes.provider} bytes, not ${body.length}`, { details: { bytes: body.length, maxBytes: maxBodyBytes.provider } });
    }
    return this.#write(name, { type: 'provide', key: this.#providerKey(kind, name), body }, options.signal);
  }

  /** Withdraws what {@link provide} said. Not providing is no error. @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  async unprovide(kind: ProvidedKind, name: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#run('done', { type: 'unprovide', key: this.#providerKey(kind, name) }, options.signal);
  }

  /**
   * Finds who serves a procedure or topic.
   * @param options `patienceMs`: time after which silent nodes are waited for no longer, and what is known by then is the result
   * @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED
   */
  async findProviders(kind: ProvidedKind, name: string, options: { limit?: number; fresh?: boolean; patienceMs?: number; signal?: AbortSignal } = {}): Promise<DhtProviders> {
    const { limit = 100, fresh = false, patienceMs, signal } = options;
    const key = this.#providerKey(kind, name);
    return providersOf({ name, bytes: key.bytes }, await this.#run('providers', { type: 'find-providers', key, limit, fresh, ...(patienceMs === undefined ? {} : { patienceMs }) }, signal));
  }

  /**
   * Says where this node can be reached, and keeps saying so until it is called again or the node stops.
   * @param body as encodePeerRecord makes it, at most 2 KiB
   * @throws as {@link put}
   */
  async announcePeer(body: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<DhtPutResult> {
    const { nodeId } = this.#components;
    return this.#write(nodeId, { type: 'provide', key: peerKey(nodeId), body }, options.signal);
  }

  /** What a node says of where it can be reached; undefined when it says nothing. @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  async findPeer(nodeId: NodeId, options: { fresh?: boolean; signal?: AbortSignal } = {}): Promise<Uint8Array | undefined> {
    const result = await this.#run('get', { type: 'get', key: peerKey(nodeId), quorum: 'one', fresh: options.fresh ?? false }, options.signal);
    return valueOf(nodeId, result)?.value;
  }

  /** A provider did not serve: cached results that name it are not used any more. */
  async providerFailed(nodeId: NodeId): Promise<void> {
    await this.#run('done', { type: 'provider-failed', nodeId }, undefined);
  }

  /** Finds the nodes closest to an id. @throws MaculaError MACULA_INVALID_VALUE, MACULA_OVERLOADED, MACULA_ABORTED */
  async findNode(id: NodeId, options: { disjointPaths?: number; signal?: AbortSignal } = {}): Promise<DhtNodes> {
    const nodeId = parseNodeId(id);
    if (nodeId === undefined) throw invalid('a node id has 64 hex characters');
    const target = nodeIdToBytes(nodeId);
    return nodesOf(target, await this.#run('nodes', { type: 'find-node', target, disjointPaths: options.disjointPaths ?? 1 }, options.signal));
  }

  /** Looks a value's key up and tells each step. @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  async trace(key: string, options: { owner?: NodeId; signal?: AbortSignal } = {}): Promise<DhtTrace> {
    const target = this.#valueKey(key, options.owner);
    const startMs = this.#components.clock.nowMs();
    return traceOf({ name: key, bytes: target.bytes }, startMs, await this.#run('trace', { type: 'trace', key: target }, options.signal));
  }

  /** What the routing table knows of a node; undefined where it is not in there. */
  contact(nodeId: NodeId): Contact | undefined {
    return this.#core.contact(nodeId);
  }

  /** How a node can be reached, from those close to it; undefined where none of them knows it. @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  async findContact(nodeId: NodeId, options: { signal?: AbortSignal } = {}): Promise<Contact | undefined> {
    return (await this.#run('nodes', { type: 'find-contact', nodeId }, options.signal)).contacts[0];
  }

  /** The routing table, those heard of last first. */
  nodes(): DhtTableEntry[] {
    const selfId = nodeIdToBytes(this.#components.nodeId);
    const nowMs = this.#components.clock.nowMs();
    return this.#byLastSeen().map(({ contact, connected, rttMs, lastSeenMs }) => ({
      ...shownContact(contact), bucket: commonPrefixLength(selfId, contact.id), connected, rttMs, lastSeenSecondsAgo: Math.max(0, Math.floor((nowMs - lastSeenMs) / 1000)),
    }));
  }

  stats(): DhtServiceStats {
    const { nodes, records, recordBytes, cachedResults, networkSize } = this.#core.stats();
    return { nodes, records, recordBytes, cachedResults, networkSize, ...this.#driver.stats(), operationsRunning: this.#queue.running, operationsWaiting: this.#queue.waiting };
  }

  #newCore(): DhtCore {
    const settings = this.#settings;
    return new DhtCore(this.#components, settings, {
      maxBytes: settings.dhtStoreBytes,
      maxBytesPerSource: settings.dhtStoreBytesPerPrefix,
      maxRecordsPerPublisher: settings.dhtRecordsPerPublisher,
      maxProvidersPerKey: settings.dhtProvidersPerKey,
      maxSequenceMarks: settings.dhtSequenceMarks,
    });
  }

  #byLastSeen(): ReturnType<DhtCore['knownNodes']> {
    return this.#core.knownNodes().sort((a, b) => b.lastSeenMs - a.lastSeenMs);
  }

  async #write(name: string, operation: DhtOperation & { key: RecordKey }, signal: AbortSignal | undefined): Promise<DhtPutResult> {
    const key: NamedKey = { name, bytes: operation.key.bytes };
    return putResult(key, await this.#run('store', operation, signal));
  }

  async #run<Type extends DhtResult['type']>(type: Type, operation: DhtOperation, signal: AbortSignal | undefined): Promise<DhtResult & { type: Type }> {
    if (!this.#isRunning) throw stoppedError();
    const result = await this.#observed(operation, this.#queue.run(() => this.#driver.run(operation, signal), signal));
    if (result.type !== type) throw new MaculaError('MACULA_UNEXPECTED', `the DHT answered ${operation.type} with ${result.type}`);
    return result as DhtResult & { type: Type };
  }

  /** Tells how the operation went; waiting for its turn counts. */
  async #observed(operation: DhtOperation, running: Promise<DhtResult>): Promise<DhtResult> {
    const { clock } = this.#components;
    const startMs = clock.nowMs();
    try {
      const result = await running;
      this.#events.emit('operation', reportOf(operation.type, result, clock.nowMs() - startMs));
      return result;
    } catch (error) {
      this.#events.emit('operation', failedOperation(operation.type, clock.nowMs() - startMs));
      throw error;
    }
  }

  #valueKey(name: string, owner: NodeId | undefined): RecordKey {
    checkName(name);
    const { realmId } = this.#components;
    if (owner === undefined) return sharedKey(realmId, name);
    const ownerId = parseNodeId(owner);
    if (ownerId === undefined) throw invalid('the id of an owner has 64 hex characters');
    return ownedKey(realmId, ownerId, name);
  }

  #providerKey(kind: ProvidedKind, name: string): RecordKey {
    checkName(name);
    const { realmId } = this.#components;
    return kind === 'procedure' ? procedureKey(realmId, name) : topicKey(realmId, name);
  }

  #conditions({ minReplicas, expectedSequence }: WriteOptions): { minReplicas?: number; expectedSequence?: number } {
    const most = this.#settings.dhtBucketSize;
    if (minReplicas !== undefined && !(Number.isInteger(minReplicas) && minReplicas >= 1 && minReplicas <= most)) throw invalid(`replicas are a whole number from 1 to ${most}, not ${minReplicas}`);
    if (expectedSequence !== undefined && !(Number.isSafeInteger(expectedSequence) && expectedSequence >= 0)) throw invalid(`a sequence is a whole number from 0, not ${expectedSequence}`);
    return { ...(minReplicas === undefined ? {} : { minReplicas }), ...(expectedSequence === undefined ? {} : { expectedSequence }) };
  }
}

function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > maxNameBytes) throw invalid(`a name has 1 to ${maxNameBytes} bytes, not ${bytes}`);
}

function invalid(message: string): MaculaError {
  return new MaculaError('MACULA_INVALID_VALUE', message, { hint: 'Correct it and try again.' });
}

function stoppedError(): MaculaError {
  return new MaculaError('MACULA_ABORTED', 'the node is shutting down or not running');
}
