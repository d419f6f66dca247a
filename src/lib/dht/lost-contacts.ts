import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';

/** Nodes that left the table because they fell silent: after a partition they are the way back together. */
export class LostContacts {
  readonly #max: number;
  /** Lost or last tried longest ago first. */
  readonly #contacts = new Map<NodeId, Contact>();

  /** @param max contacts remembered; the one lost first is forgotten first */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#contacts.size;
  }

  add(contact: Contact): void {
    this.#contacts.delete(contact.nodeId);
    this.#contacts.set(contact.nodeId, contact);
    if (this.#contacts.size > this.#max) this.take(1);
  }

  /** Forgets the node; returns whether it was lost. */
  delete(nodeId: NodeId): boolean {
    return this.#contacts.delete(nodeId);
  }

  /** Removes and returns up to `count` of those lost or tried longest ago. */
  take(count: number): Contact[] {
    const taken: Contact[] = [];
    for (const contact of this.#contacts.values()) {
      if (taken.length === count) break;
      taken.push(contact);
    }
    for (const { nodeId } of taken) this.#contacts.delete(nodeId);
    return taken;
  }
}
