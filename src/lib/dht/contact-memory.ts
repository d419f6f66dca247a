import { formatAddress, parseAddress } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { KeyValue } from '../base/key-value.js';
import type { Logger } from '../base/logger.js';
import { parseNodeId } from '../identity/node-id.js';
import { contactOf, type Contact, type Reachability } from './contact.js';
import type { RememberedContact } from './ports.js';

const tableKey = 'table';
/** Most contacts written down; a restart needs a few of them alive. */
const maxRemembered = 1000;
/** How often the table is written while the node runs: what a crash loses of it. */
const saveIntervalMs = 5 * 60_000;
const maxAddresses = 8;

const reachabilities: readonly string[] = ['public', 'relayed', 'unknown'] satisfies Reachability[];

export interface ContactMemoryComponents {
  readonly contacts: KeyValue<readonly RememberedContact[]>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The routing table now, those heard of last first. */
  readonly current: () => readonly Contact[];
}

/** Writes the routing table down, so that a restart finds the mesh again without bootstrap. */
export class ContactMemory {
  readonly #components: ContactMemoryComponents;
  #timer: Timer | undefined;

  constructor(components: ContactMemoryComponents) {
    this.#components = components;
  }

  /** What the last run left; entries that are not what they should be are left out. */
  load(): Contact[] {
    const stored: unknown = this.#components.contacts.get(tableKey);
    return Array.isArray(stored) ? stored.slice(0, maxRemembered).flatMap((entry: unknown) => readContact(entry) ?? []) : [];
  }

  start(): void {
    this.#timer = this.#components.clock.setTimer(saveIntervalMs, () => {
      void this.save();
      this.start();
    });
  }

  /** Ends saving with a last save. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.save();
  }

  async save(): Promise<void> {
    const { contacts, current, logger } = this.#components;
    const known = current().filter(({ addresses }) => addresses.length > 0).slice(0, maxRemembered);
    // An empty table is that of a node cut off, which will want the old one.
    if (known.length === 0) return;
    const entries = known.map(({ nodeId, addresses, reachability }) => ({ nodeId, addresses: addresses.slice(0, maxAddresses).map(formatAddress), reachability }));
    await contacts.put(tableKey, entries).catch((error: unknown) => logger.warn('the routing table could not be written', { error: MaculaError.from(error).message }));
  }
}

function readContact(entry: unknown): Contact | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { nodeId, addresses, reachability } = entry as Record<string, unknown>;
  const id = typeof nodeId === 'string' ? parseNodeId(nodeId) : undefined;
  if (id === undefined || !Array.isArray(addresses) || typeof reachability !== 'string' || !reachabilities.includes(reachability)) return undefined;
  const parsed = addresses.slice(0, maxAddresses).flatMap((text: unknown) => (typeof text === 'string' ? (parseAddress(text) ?? []) : []));
  return parsed.length === 0 ? undefined : contactOf(id, parsed, reachability as Reachability);
}
