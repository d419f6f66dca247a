import type { Dht, DhtServiceStats, DhtTableEntry, GetOptions, ProvidedKind, PutOptions, WriteOptions } from '../dht/dht.js';
import type { DhtNodes, DhtProviders, DhtPutResult, DhtTrace, DhtValue } from '../dht/dht-results.js';
import type { NodeId } from '../identity/node-id.js';
import type { NodeParts } from './node-parts.js';

/**
 * The distributed hash table of a node: values, and who serves which procedure or topic. Keys are names; where in the
 * id space one lies is told as `keyHash`. An operation ends at once when its signal aborts, or with MACULA_NO_NODE
 * while the node does not run.
 */
export class NodeDht {
  readonly #parts: NodeParts;

  constructor(components: { parts: NodeParts }) {
    this.#parts = components.parts;
  }

  /**
   * Stores a value; resolves when enough nodes have it on their disks.
   * @param value at most 64 KiB; text is stored as UTF-8
   * @throws MaculaError MACULA_UNDER_REPLICATED, MACULA_STALE_SEQUENCE, MACULA_RECORD_REFUSED (each with what every replica
   * said), MACULA_VALUE_TOO_LARGE, MACULA_INVALID_VALUE, MACULA_OVERLOADED, MACULA_ABORTED
   */
  async put(key: string, value: Uint8Array | string, options: PutOptions = {}): Promise<DhtPutResult> {
    return this.#dht().put(key, typeof value === 'string' ? Buffer.from(value, 'utf8') : value, options);
  }

  /** Reads a value; undefined when there is none. @throws MaculaError MACULA_OVERLOADED, MACULA_ABORTED */
  async get(key: string, options: GetOptions = {}): Promise<DhtValue | undefined> {
    return this.#dht().get(key, options);
  }

  /** Removes a value. @throws MaculaError as {@link put} */
  async delete(key: string, options: WriteOptions = {}): Promise<DhtPutResult> {
    return this.#dht().delete(key, options);
  }

  /**
   * Says that this node serves a procedure or topic, until {@link unprovide} or stop.
   * @param body told to those who look, at most 1 KiB
   * @throws MaculaError as {@link put}; the node goes on announcing it all the same
   */
  async provide(kind: ProvidedKind, name: string, body?: Uint8Array, options: { signal?: AbortSignal } = {}): Promise<DhtPutResult> {
    return this.#dht().provide(kind, name, body, options);
  }

  async unprovide(kind: ProvidedKind, name: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#dht().unprovide(kind, name, options);
  }

  async findProviders(kind: ProvidedKind, name: string, options: { limit?: number; fresh?: boolean; signal?: AbortSignal } = {}): Promise<DhtProviders> {
    return this.#dht().findProviders(kind, name, options);
  }

  /** Finds the nodes closest to an id. @param id 64 hex characters */
  async findNode(id: NodeId, options: { disjointPaths?: number; signal?: AbortSignal } = {}): Promise<DhtNodes> {
    return this.#dht().findNode(id, options);
  }

  /** Looks a key up and tells every request of the lookup, and who holds the key. */
  async trace(key: string, options: { owner?: NodeId; signal?: AbortSignal } = {}): Promise<DhtTrace> {
    return this.#dht().trace(key, options);
  }

  /** The routing table. @throws MaculaError MACULA_NO_NODE */
  nodes(): DhtTableEntry[] {
    return this.#dht().nodes();
  }

  /** @throws MaculaError MACULA_NO_NODE */
  stats(): DhtServiceStats {
    return this.#dht().stats();
  }

  #dht(): Dht {
    return this.#parts.running('dht');
  }
}
