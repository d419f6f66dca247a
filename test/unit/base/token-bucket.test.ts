import { expect } from 'chai';
import fc from 'fast-check';
import { TokenBucket } from '../../../src/lib/base/token-bucket.js';

describe('token bucket', () => {
  it('allows a burst, then what is refilled', () => {
    const bucket = new TokenBucket(3, 2);
    expect([0, 0, 0, 0].map((nowMs) => bucket.take(nowMs))).to.deep.equal([true, true, true, false]);
    expect(bucket.waitMs(0)).to.equal(500);
    expect(bucket.take(499)).to.equal(false);
    expect(bucket.take(500)).to.equal(true);
    expect(bucket.waitMs(10_000)).to.equal(0);
  });

  it('has a token after the wait it names', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.double({ min: 0.1, max: 1000, noNaN: true }), fc.array(fc.nat(1000)), (capacity, perSecond, gaps) => {
        const bucket = new TokenBucket(capacity, perSecond);
        let nowMs = 0;
        for (const gap of gaps) {
          nowMs += gap;
          bucket.take(nowMs);
        }
        nowMs += bucket.waitMs(nowMs) + 1;
        expect(bucket.take(nowMs)).to.equal(true);
      }),
    );
  });

  it('never allows more than burst and refill in any time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 200 }), (gaps) => {
        const bucket = new TokenBucket(5, 10);
        let nowMs = 0;
        let taken = 0;
        for (const gap of gaps) {
          nowMs += gap;
          if (bucket.take(nowMs)) taken += 1;
        }
        expect(taken).to.be.at.most(5 + nowMs / 100 + 1e-6);
      }),
    );
  });
});
