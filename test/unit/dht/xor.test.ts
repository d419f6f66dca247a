import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom } from '../../../src/lib/base/random.js';
import { commonPrefixLength, compareDistance, distanceShare, isCloser, randomIdInBucket, xorDistance } from '../../../src/lib/dht/xor.js';
import { idOf } from './ids.js';

const ids = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('XOR space', () => {
  it('orders ids by their distance as a number', () => {
    fc.assert(
      fc.property(ids, ids, ids, (target, a, b) => {
        const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
        const difference = number(xorDistance(target, a)) - number(xorDistance(target, b));
        expect(Math.sign(compareDistance(target, a, b))).to.equal(difference < 0n ? -1 : difference > 0n ? 1 : 0);
        expect(isCloser(target, a, b)).to.equal(difference < 0n);
      }),
    );
  });

  for (const [a, b, shared] of [
    [idOf(0), idOf(0), 256],
    [idOf(0), idOf(0x80), 0],
    [idOf(0), idOf(0x01), 7],
    [idOf(0xff, 0x80), idOf(0xff, 0x00), 8],
    [idOf(0), idOf(...new Array<number>(31).fill(0), 1), 255],
  ] as const) {
    it(`finds ${shared} leading bits shared`, () => expect(commonPrefixLength(a, b)).to.equal(shared));
  }

  it('tells distances as shares of the space below one', () => {
    expect(distanceShare(idOf(0), idOf(0x80))).to.equal(0.5);
    expect(distanceShare(idOf(0), idOf(0x00, 0x80))).to.equal(1 / 512);
    expect(distanceShare(idOf(0), new Uint8Array(32).fill(0xff))).to.be.within(0.999, 1 - 2 ** -50);
  });

  it('makes random ids that share exactly as many bits as asked', () => {
    const random = seededRandom(7);
    fc.assert(
      fc.property(ids, fc.integer({ min: 0, max: 255 }), (own, bits) => {
        expect(commonPrefixLength(own, randomIdInBucket(own, bits, random))).to.equal(bits);
      }),
    );
  });
});
