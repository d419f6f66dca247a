import type { RandomSource } from '../../src/lib/base/random.js';
import type { NodeIdentity } from '../../src/lib/identity/identity.js';
import { createSigner, verifySignature } from '../../src/lib/identity/signing.js';
import { BundleCodec } from '../../src/lib/pubsub/bundle.js';
import { realmId } from '../../src/lib/session/realm-proof.js';
import { encodeFrame, FrameFlag } from '../../src/lib/wire/frame.js';
import { FrameType } from '../../src/lib/wire/frame-type.js';
import { callBody, callIdBytes, failureBody, resultBody } from '../../src/lib/wire/rpc-messages.js';
import { anyValue } from './frames.js';

/** Topics under this are subscribed to at the node that is attacked. */
export const fuzzedTopics = 'fuzz.>';
/** Names as they may be, and as none may be: those end the connection, so they come rarely. */
const procedures = { good: ['macula.echo', 'macula.info', 'macula.ping', 'waits', 'waits', 'nobody', 'macula.', '*'], bad: ['', 'ä'.repeat(128)] };
const topics = { good: ['fuzz.a', 'fuzz.a', 'fuzz.b', 'fuzz', 'other'], bad: ['fuzz..', 'fuzz.*', '>', ''] };
const patterns = { good: ['fuzz.a', 'fuzz.>', '*', '>', '*.*', 'fuzz.honest'], bad: ['a..b', '', 'x.'.repeat(20)] };
const badShare = 0.02;
/** Correlation ids of requests to the peer are small numbers: its answers hit some that are waited for. Its own are new, but for a few. */
const smallIds = 24;

/** Well-formed messages of RPC and publish/subscribe, as only an admitted peer can send them: bundles among them carry its signature. */
export class CallFrames {
  readonly #codec: BundleCodec;
  #lastId = smallIds;

  constructor(private readonly random: RandomSource, identity: NodeIdentity) {
    this.#codec = new BundleCodec({ signer: createSigner(identity), verify: verifySignature }, realmId('macula'));
  }

  next(): Buffer {
    const { random } = this;
    const small = random.integer(smallIds);
    const id = random.float() < badShare ? small : ++this.#lastId;
    switch (random.integer(15)) {
      case 0:
      case 1: return this.#request(FrameType.call, id, callBody(this.#name(procedures), anyValue(random), 1 + random.integer(60_000), random.float() < 0.5 ? random.bytes(callIdBytes) : undefined));
      // The same id again and again: repeated idempotent calls, from a peer that cancels them in between.
      case 2: return this.#request(FrameType.call, id, callBody('waits', id, 5000, new Uint8Array(callIdBytes).fill(random.integer(4))));
      case 3: return this.#reply(FrameType.reply, small, resultBody(anyValue(random)));
      case 4: return this.#reply(FrameType.reply, small, failureBody(random.integer(20), 'no', { more: anyValue(random) }));
      case 5: return this.#reply(FrameType.error, small, ['MACULA_OVERLOADED', 'text', { retryAfterMs: random.float() * 1e9 }]);
      case 6: return Buffer.from(encodeFrame(FrameType.cancel, FrameFlag.none, [random.float() < 0.5 ? small : this.#lastId - random.integer(6)]));
      case 7:
      case 8: return this.#request(random.float() < 0.7 ? FrameType.publish : FrameType.pubsubForward, id, [random.integer(4), random.integer(6), this.#bundles()]);
      case 9: return this.#request(FrameType.subscribe, id, [this.#list(6, () => [this.#name(patterns), random.integer(2)])]);
      case 10: return this.#request(FrameType.unsubscribe, id, [this.#list(6, () => this.#name(patterns))]);
      case 11: return this.#request(FrameType.pubsubAnnounce, id, [this.#name(topics), random.integer(2 ** 31)]);
      case 12: return this.#request(FrameType.replay, id, [random.integer(2 ** 31), 1 + random.integer(9), 1 + random.integer(9)]);
      case 13: return this.#request(FrameType.pubsubRoute, id, this.#route());
      default: return this.#reply(this.#of([FrameType.publishAck, FrameType.pubsubDone, FrameType.pubsubInterest, FrameType.replayReply, FrameType.pubsubRouted]), small, this.#acknowledgement());
    }
  }

  #request(type: FrameType, id: number, body: unknown): Buffer {
    return Buffer.from(encodeFrame(type, FrameFlag.request, [id, body]));
  }

  #reply(type: FrameType, id: number, body: unknown): Buffer {
    return Buffer.from(encodeFrame(type, FrameFlag.reply, [id, body]));
  }

  #route(): unknown {
    const { random } = this;
    const targets = this.#list(4, () => [random.bytes(32), ['127.0.0.1:9', '192.0.2.1:9'].slice(random.integer(3))]);
    return [random.integer(4), random.integer(6), random.float() < 0.3 ? null : targets, random.integer(1000), this.#bundles()];
  }

  #acknowledgement(): unknown {
    const { random } = this;
    const shapes: unknown[] = [[random.integer(50), this.#list(3, () => this.#name(topics))], [random.integer(2 ** 31)], [this.#list(3, () => [this.#name(patterns), 1])], [1 + random.integer(9), this.#bundles()], [random.integer(9), [], [random.integer(300)]]];
    return shapes[random.integer(shapes.length)];
  }

  /** Signed bundles; numbers jump, topics may be none, and now and then a signature is of something else. */
  #bundles(): unknown[] {
    const { random } = this;
    return this.#list(4, () => {
      const bodies = this.#list(5, () => random.bytes(random.integer(40)));
      const bundle = { epoch: 1 + random.integer(3), topic: this.#name(topics), qos: (random.integer(2) as 0 | 1), first: 1 + random.integer(30), sentMs: random.integer(2 ** 31), bodies };
      const { payload, signature } = this.#codec.sign(bundle);
      return [payload, random.float() < badShare ? random.bytes(64) : signature];
    });
  }

  #list<Item>(most: number, item: () => Item): Item[] {
    return Array.from({ length: this.random.integer(most + 1) }, item);
  }

  #name({ good, bad }: { good: readonly string[]; bad: readonly string[] }): string {
    return this.#of(this.random.float() < badShare ? bad : good);
  }

  #of<Item>(items: readonly Item[]): Item {
    return items[this.random.integer(items.length)]!;
  }
}
