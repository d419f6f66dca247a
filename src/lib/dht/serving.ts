import { nodeIdFromBytes } from '../identity/node-id.js';
import { contactsFor, type Contact } from './contact.js';
import type { DhtNode } from './dht-node.js';
import type { DhtReply, DhtRequest } from './dht-requests.js';
import type { Replication } from './replication.js';
import { slotOf } from './stored-record.js';

/** Most provider records of one page, whatever is asked for. */
const maxPage = 64;

/** Answers what peers ask. A STORE is answered once the record is on disk. */
export class Serving {
  readonly #node: DhtNode;
  readonly #replication: Replication;

  constructor(node: DhtNode, replication: Replication) {
    this.#node = node;
    this.#replication = replication;
  }

  handle(replyTo: number, from: Contact, request: DhtRequest): void {
    const { context, replica } = this.#node;
    const reply = (body: DhtReply): void => context.emit({ type: 'reply', replyTo, reply: body });
    switch (request.type) {
      case 'find-node':
        reply({ type: 'contacts', contacts: this.#around(request.target, from) });
        break;
      case 'find-value': {
        const held = replica.get(request.key);
        reply({ type: 'records', records: held ? [held.signed] : [], total: held ? 1 : 0, contacts: this.#closest(request.key, from) });
        break;
      }
      case 'find-providers': {
        const { entries, total } = replica.providers(request.key, request.offset, Math.min(request.limit, maxPage));
        reply({ type: 'records', records: entries.map(({ signed }) => signed), total, contacts: this.#closest(request.key, from) });
        break;
      }
      case 'store':
        replica.offer(request.record, from, request.expectedSequence, ({ answer, record }) => {
          if (answer.type === 'stored' && record) {
            this.#replication.received(slotOf(record));
            this.#forgetOlder(record.keyHex, record.sequence);
          }
          reply(answer);
        });
        break;
    }
  }

  /** What is cached of a key is out of date once something newer is stored under it. */
  #forgetOlder(keyHex: string, sequence: number): void {
    const { values, providers, context } = this.#node;
    const cached = values.get(keyHex, context.now());
    if (cached && cached.sequence < sequence) values.delete(keyHex);
    providers.delete(keyHex);
  }

  /** Nodes close to one that is looked for, and itself where it is connected: it may have no place in the routing table, which takes only a few of one network. */
  #around(target: Uint8Array, from: Contact): Contact[] {
    const nodeId = nodeIdFromBytes(target);
    const contact = nodeId === undefined || nodeId === from.nodeId ? undefined : this.#node.context.requests.connectedTo(nodeId);
    const [itself] = contact ? contactsFor(from, [contact]) : [];
    const closest = this.#closest(target, from);
    return itself ? [itself, ...closest.filter((each) => each.nodeId !== nodeId)].slice(0, this.#node.context.settings.dhtBucketSize) : closest;
  }

  #closest(target: Uint8Array, from: Contact): Contact[] {
    const { table, settings } = this.#node.context;
    const closest = table.closest(target, settings.dhtBucketSize + 1).filter(({ nodeId }) => nodeId !== from.nodeId);
    return contactsFor(from, closest).slice(0, settings.dhtBucketSize);
  }
}
