import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import { maxPublicKeyBytes, readSigningKey, type Signer, type VerifySignature } from '../identity/signing.js';
import { bytesBetween, integerOf, listOf, textOf, tupleOf } from '../wire/fields.js';
import { decodeBody, encodeBody } from '../wire/message-pack.js';
import { maxBundleBytes, maxTopicBytes, type Qos, type SignedBundle } from '../wire/pubsub-messages.js';
import { topicProblem } from './topic.js';

/** Most messages in one bundle. */
export const maxBundleMessages = 1024;

/** Says what is signed, so that no signature can be taken for one of another sort: of a DHT record, a certificate or a handshake. */
const label = Buffer.from('macula pubsub bundle 1\0', 'latin1');

/**
 * Consecutive messages of one stream, which is what one publisher sends to one topic with one QoS; signed together. A
 * bundle without messages tells where the stream stands: `first` is the number the next message will have.
 */
export interface Bundle {
  /** Tells streams of a publisher apart; a later stream has a higher number. */
  readonly epoch: number;
  readonly topic: string;
  readonly qos: Qos;
  /** Sequence of the first message; the first of a stream is 1. */
  readonly first: number;
  /** The publisher's wall clock, milliseconds. */
  readonly sentMs: number;
  readonly bodies: readonly Uint8Array[];
}

/** A bundle somebody signed. */
export interface PublishedBundle extends Bundle {
  readonly publisher: NodeId;
}

/** Makes and checks bundles of one realm. */
export class BundleCodec {
  readonly #prefix: Buffer;
  readonly #signer: Signer;
  readonly #verify: VerifySignature;

  /** @param realmId goes into what is signed, so that a bundle cannot be carried into another realm */
  constructor(components: { signer: Signer; verify: VerifySignature }, realmId: Uint8Array) {
    this.#prefix = Buffer.concat([label, realmId]);
    this.#signer = components.signer;
    this.#verify = components.verify;
  }

  sign({ epoch, topic, qos, first, sentMs, bodies }: Bundle): SignedBundle {
    const signed = this.#signed(encodeBody([this.#signer.publicKey, epoch, topic, qos, first, sentMs, bodies]));
    // What is kept for replay is this copy: the encoded bytes are a part of a piece of memory several times as large.
    return { payload: signed.subarray(this.#prefix.length), signature: this.#signer.sign(signed) };
  }

  /**
   * The bundle, if its publisher signed exactly these bytes.
   * @throws MaculaError MACULA_PROTOCOL_VIOLATION when it is malformed or the signature is wrong
   */
  open({ payload, signature }: SignedBundle): PublishedBundle {
    const { publicKey, ...bundle } = readBundle(payload);
    const key = readSigningKey(publicKey);
    if (key === undefined || !this.#verify(publicKey, this.#signed(payload), signature)) {
      throw new MaculaError('MACULA_PROTOCOL_VIOLATION', 'a bundle of messages with a wrong signature');
    }
    return { ...bundle, publisher: key.nodeId };
  }

  #signed(payload: Uint8Array): Buffer {
    return Buffer.concat([this.#prefix, payload]);
  }
}

function readBundle(payload: Uint8Array): Bundle & { readonly publicKey: Uint8Array } {
  const message = 'bundle';
  const [publicKey, epoch, topicField, qos, first, sentMs, bodies] = tupleOf(message, decodeBody(payload), 7);
  const topic = textOf(message, 'topic', topicField, maxTopicBytes, 1);
  const problem = topicProblem(topic, false);
  if (problem !== undefined) throw new MaculaError('MACULA_PROTOCOL_VIOLATION', `a bundle with a malformed topic: ${problem}`);
  return {
    publicKey: bytesBetween(message, 'public key', publicKey, 1, maxPublicKeyBytes),
    epoch: integerOf(message, 'epoch', epoch, 1, Number.MAX_SAFE_INTEGER),
    topic,
    qos: integerOf(message, 'QoS', qos, 0, 1) as Qos,
    first: integerOf(message, 'first', first, 1, Number.MAX_SAFE_INTEGER - maxBundleMessages),
    sentMs: integerOf(message, 'sent', sentMs, 0, Number.MAX_SAFE_INTEGER),
    bodies: listOf(message, 'bodies', bodies, maxBundleMessages, (body) => bytesBetween(message, 'body', body, 0, maxBundleBytes)),
  };
}

/** A name for a message that no other message has. */
export function messageIdOf(publisher: NodeId, epoch: number, sequence: number): string {
  return `${publisher.slice(0, 16)}-${epoch.toString(36)}-${sequence}`;
}
