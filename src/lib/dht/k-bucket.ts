import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';

/** A node in the table. */
export interface TableEntry {
  contact: Contact;
  /** Clock.nowMs() when it last answered us. */
  lastSeenMs: number;
  /** Requests in a row it did not answer. */
  failures: number;
}

/**
 * The nodes at one range of distances, least recently seen first, and those waiting for a place. What may come in is
 * the routing table's to decide; the bucket keeps order and bounds.
 */
export class KBucket {
  readonly #size: number;
  readonly #entries = new Map<NodeId, TableEntry>();
  readonly #waiting = new Map<NodeId, TableEntry>();
  /** Clock.nowMs() of the last lookup into this range. */
  touchedMs: number;

  /** @param size most entries, and most that wait */
  constructor(size: number, nowMs: number) {
    this.#size = size;
    this.touchedMs = nowMs;
  }

  get size(): number {
    return this.#entries.size;
  }

  get isFull(): boolean {
    return this.#entries.size >= this.#size;
  }

  /** Least recently seen first. */
  entries(): IterableIterator<TableEntry> {
    return this.#entries.values();
  }

  /** Those waiting for a place, the most recently seen first. */
  waiting(): TableEntry[] {
    return [...this.#waiting.values()].reverse();
  }

  get(nodeId: NodeId): TableEntry | undefined {
    return this.#entries.get(nodeId);
  }

  /** Adds an entry, or moves one to the most recently seen end. The caller has seen to it that there is room. */
  put(entry: TableEntry): void {
    const { nodeId } = entry.contact;
    this.#waiting.delete(nodeId);
    this.#entries.delete(nodeId);
    this.#entries.set(nodeId, entry);
  }

  /** Adds an entry in the order of when it was seen: one loaded or promoted may have been silent for longer than others. */
  insert(entry: TableEntry): void {
    this.#waiting.delete(entry.contact.nodeId);
    const later = [...this.#entries.values()].filter((other) => other.lastSeenMs > entry.lastSeenMs);
    this.#entries.set(entry.contact.nodeId, entry);
    for (const other of later) this.put(other);
  }

  /** Lets an entry wait for a place; the one that waited without a sign of life for longest makes room. */
  keepWaiting(entry: TableEntry): void {
    this.#waiting.delete(entry.contact.nodeId);
    this.#waiting.set(entry.contact.nodeId, entry);
    if (this.#waiting.size <= this.#size) return;
    for (const oldest of this.#waiting.keys()) {
      this.#waiting.delete(oldest);
      break;
    }
  }

  removeWaiting(nodeId: NodeId): void {
    this.#waiting.delete(nodeId);
  }

  remove(nodeId: NodeId): TableEntry | undefined {
    const entry = this.#entries.get(nodeId);
    this.#entries.delete(nodeId);
    return entry;
  }

  /** The least recently seen entry for which `test` holds. */
  oldest(test: (entry: TableEntry) => boolean): TableEntry | undefined {
    for (const entry of this.#entries.values()) if (test(entry)) return entry;
    return undefined;
  }
}
