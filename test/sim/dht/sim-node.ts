import { createHash } from 'node:crypto';
import { seededRandom, type RandomSource } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { contactOf, type Contact } from '../../../src/lib/dht/contact.js';
import { DhtCore } from '../../../src/lib/dht/dht-core.js';
import type { DhtSettings } from '../../../src/lib/dht/dht-context.js';
import type { RoutingTable } from '../../../src/lib/dht/routing-table.js';
import type { Signer } from '../../../src/lib/identity/signing.js';

/** `honest`; `silent`: is connected to and never answers; `sybil`: names only its like, keeps nothing and says it did. */
export type Behaviour = 'honest' | 'silent' | 'sybil';

export const realmId = createHash('sha256').update('simulation').digest();
export const settings: DhtSettings = defaultSettings();
export const storeLimits = { maxBytes: 64 * 2 ** 20, maxBytesPerSource: 64 * 2 ** 20, maxRecordsPerPublisher: 1000, maxProvidersPerKey: 1000, maxSequenceMarks: 1000 };

/** DER of an Ed25519 SubjectPublicKeyInfo up to the key (RFC 8410, section 4). */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');
const signatureByte = 0x5a;

/** Real signatures cost more than all the rest of a simulation and decide nothing in it. */
function simulatedSigner(key: Uint8Array, nodeId: string): Signer {
  return { nodeId, publicKey: Buffer.concat([ed25519Prefix, key]), sign: (bytes) => Buffer.concat([Buffer.of(signatureByte), createHash('sha256').update(bytes).digest()]) };
}

/** A virtual node: its identity, and while it lives its DHT core. */
export class SimNode {
  readonly index: number;
  readonly contact: Contact;
  readonly behaviour: Behaviour;
  readonly random: RandomSource;
  readonly #key: Uint8Array;
  core: DhtCore | undefined;
  alive = true;
  /** Side of a partition. */
  side = 0;
  /** Indices of nodes with an open connection, least recently used first. */
  readonly connections = new Set<number>();
  /** Those of them it was told to keep. */
  kept = new Set<number>();
  wakeMs = Infinity;
  /** Virtual time at which it joined; 0 where the network began with it. */
  startedMs = 0;

  /** @param near an id the node's own is to be ground close to, as a Sybil would */
  constructor(index: number, seed: number, behaviour: Behaviour, host: string, near?: Uint8Array) {
    this.index = index;
    this.behaviour = behaviour;
    this.random = seededRandom(seed ^ Math.imul(index + 1, 0x9e3779b1));
    this.#key = this.random.bytes(32);
    const id = createHash('sha256').update(this.#key).digest();
    // Grinding keys for an id costs an attacker time and the simulation nothing.
    if (near) id.set(near.subarray(0, 3));
    this.contact = contactOf(id.toString('hex'), [{ host, port: 4433 }], 'public');
  }

  start(clock: { wallMs(): number }, table?: RoutingTable): void {
    const { nodeId } = this.contact;
    this.core = new DhtCore(
      { nodeId, realmId, signer: simulatedSigner(this.#key, nodeId), verify: (_key, _bytes, signature) => signature[0] === signatureByte, clock, random: this.random, ...(table ? { table } : {}) },
      settings,
      storeLimits,
    );
  }

  get id(): Uint8Array {
    return this.contact.id;
  }
}

/** An address of a /24 of its own for each honest node. */
export function hostOf(index: number): string {
  return `${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.1`;
}
