import { generateKeyPairSync } from 'node:crypto';
import type { MaculaError } from '../../../src/lib/base/errors.js';
import type { KeyValue } from '../../../src/lib/base/key-value.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import { contactOf, type Contact } from '../../../src/lib/dht/contact.js';
import { Dht } from '../../../src/lib/dht/dht.js';
import type { DhtPeerListener, DhtTransport, PeerRequestHandler, RememberedContact } from '../../../src/lib/dht/ports.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { createSigner, readSigningKey, verifySignature, type Signer } from '../../../src/lib/identity/signing.js';
import type { FrameType } from '../../../src/lib/wire/frame-type.js';
import { MemoryKeyValue } from '../../support/memory-key-value.js';
import { VirtualClock } from '../../support/virtual-clock.js';

export const realm = new Uint8Array(32).fill(7);

/** A store whose writes wait until they are let through. */
export class SlowKeyValue extends MemoryKeyValue<unknown> {
  readonly held: (() => void)[] = [];
  isHolding = false;

  override async put(key: string, value: unknown): Promise<void> {
    if (this.isHolding) await new Promise<void>((resolve) => this.held.push(resolve));
    return super.put(key, value);
  }
}

/** One request that went out. */
export interface SentRequest {
  readonly contact: Contact;
  readonly type: FrameType;
  readonly body: unknown;
  answer(body: unknown): void;
  fail(error: MaculaError): void;
}

/** A transport that keeps what goes out for the test to answer. */
export class FakeTransport implements DhtTransport {
  readonly sent: SentRequest[] = [];
  readonly handlers = new Map<FrameType, PeerRequestHandler>();
  readonly open: Contact[] = [];
  kept: readonly NodeId[] = [];
  listener: DhtPeerListener | undefined;

  request(contact: Contact, type: FrameType, body: unknown): Promise<unknown> {
    return new Promise((answer, fail) => {
      this.sent.push({ contact, type, body, answer, fail });
    });
  }

  serve(type: FrameType, _replyType: FrameType, handler: PeerRequestHandler): void {
    this.handlers.set(type, handler);
  }

  connected(): Iterable<Contact> {
    return this.open;
  }

  listen(listener: DhtPeerListener): () => void {
    this.listener = listener;
    return () => (this.listener = undefined);
  }

  keep(nodeIds: readonly NodeId[]): void {
    this.kept = nodeIds;
  }
}

export function newSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return createSigner({ nodeId: readSigningKey(spki)!.nodeId, keyType: 'ed25519', privateKeyPem });
}

export function peer(index: number): Contact {
  return contactOf(index.toString(16).padStart(2, '0').repeat(32), [{ host: '127.0.0.1', port: 4000 + index }], 'public');
}

/** A DHT whose surroundings are the test's. */
export class DhtLab {
  readonly clock = new VirtualClock();
  readonly transport = new FakeTransport();
  readonly records = new SlowKeyValue();
  readonly contacts: KeyValue<readonly RememberedContact[]> = new MemoryKeyValue();
  readonly signer = newSigner();
  readonly dht: Dht;

  constructor(settings: Partial<Settings> = {}) {
    this.dht = new Dht(
      {
        nodeId: this.signer.nodeId, realmId: realm, signer: this.signer, verify: verifySignature, random: seededRandom(1), clock: this.clock,
        logger: silentLogger, transport: this.transport, records: this.records, contacts: this.contacts,
      },
      { ...defaultSettings(), ...settings },
    );
  }

  /** A request of a peer arrives. */
  asked(type: FrameType, body: unknown, from = peer(1)): unknown {
    return this.transport.handlers.get(type)!(body, from);
  }
}
