import { expect } from 'chai';
import { BundleCodec } from '../../../src/lib/pubsub/bundle.js';

describe('A bundle', () => {
  it('holds no more memory than its own bytes, however often one is made', () => {
    const signer = { nodeId: 'ab'.repeat(32), publicKey: Buffer.alloc(44, 1), sign: () => Buffer.alloc(64) };
    const codec = new BundleCodec({ signer, verify: () => true } as unknown as ConstructorParameters<typeof BundleCodec>[0], Buffer.alloc(32));
    const body = Buffer.alloc(16 * 1024, 7);
    for (let count = 1; count <= 20; count++) {
      const { payload } = codec.sign({ epoch: 1, topic: 'memory', qos: 1, first: count, sentMs: 1, bodies: [body] });
      expect(payload.buffer.byteLength - payload.byteLength).to.be.below(1024);
    }
  });
});
