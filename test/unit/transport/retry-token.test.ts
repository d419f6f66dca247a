import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom } from '../../../src/lib/base/random.js';
import { RetryTokens } from '../../../src/lib/transport/retry-token.js';

const lifetimeMs = 15_000;
const address = { host: '198.51.100.7', port: 4433 };
const originalDcid = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
const retryScid = Uint8Array.from([9, 9, 9, 9, 8, 8, 8, 8]);
const issuedMs = 20_000.75;

function tokens(seed = 1): RetryTokens {
  return new RetryTokens({ random: seededRandom(seed) }, { retryTokenLifetimeMs: lifetimeMs });
}

describe('retry tokens', () => {
  it('give back the original connection id to the address they were issued to', () => {
    const retry = tokens();
    const token = retry.issue(address, originalDcid, retryScid, issuedMs);
    expect(retry.verify(token, address, retryScid, issuedMs)).to.deep.equal(originalDcid);
  });

  for (const length of [0, 8, 20]) {
    it(`carry an original id of ${length} bytes`, () => {
      const retry = tokens();
      const id = new Uint8Array(length).fill(7);
      const token = retry.issue(address, id, retryScid, issuedMs);
      expect(retry.verify(token, address, retryScid, issuedMs + 5)).to.deep.equal(id);
    });
  }

  const times: [string, number, boolean][] = [
    ['just issued', 0, true],
    ['at the end of their life, though the key changed meanwhile', lifetimeMs - 1, true],
    ['after their life', lifetimeMs + 1, false],
    ['after two lives, when the key is gone', 2 * lifetimeMs + 1, false],
    ['from the future', -1000, false],
  ];
  for (const [name, afterMs, good] of times) {
    it(`${good ? 'are good' : 'are refused'} ${name}`, () => {
      const retry = tokens();
      const token = retry.issue(address, originalDcid, retryScid, issuedMs);
      expect(retry.verify(token, address, retryScid, issuedMs + afterMs)).to.deep.equal(good ? originalDcid : undefined);
    });
  }

  it('are good for their whole life whenever they were issued', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.double({ min: 0, max: lifetimeMs - 1, noNaN: true }), (nowMs, afterMs) => {
        const retry = tokens();
        const token = retry.issue(address, originalDcid, retryScid, nowMs);
        expect(retry.verify(token, address, retryScid, nowMs + afterMs)).to.deep.equal(originalDcid);
      }),
    );
  });

  const others: [string, { host: string; port: number }, Uint8Array][] = [
    ['another host', { host: '198.51.100.8', port: 4433 }, retryScid],
    ['another port', { host: '198.51.100.7', port: 4434 }, retryScid],
    ['another retry id', address, Uint8Array.from([9, 9, 9, 9, 8, 8, 8, 9])],
    ['a retry id of another length', address, retryScid.subarray(0, 7)],
  ];
  for (const [name, from, scid] of others) {
    it(`are refused with ${name}`, () => {
      const retry = tokens();
      const token = retry.issue(address, originalDcid, retryScid, issuedMs);
      expect(retry.verify(token, from, scid, issuedMs)).to.equal(undefined);
    });
  }

  it('of another node are refused', () => {
    const token = tokens(1).issue(address, originalDcid, retryScid, issuedMs);
    expect(tokens(2).verify(token, address, retryScid, issuedMs)).to.equal(undefined);
  });

  it('are refused with any bit flipped', () => {
    const retry = tokens();
    const token = retry.issue(address, originalDcid, retryScid, issuedMs);
    for (let bit = 0; bit < token.length * 8; bit += 1) {
      const forged = Uint8Array.from(token);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(retry.verify(forged, address, retryScid, issuedMs + 1000), `bit ${bit}`).to.equal(undefined);
    }
  });

  it('are refused cut short, extended or made up', () => {
    const retry = tokens();
    const token = retry.issue(address, originalDcid, retryScid, issuedMs);
    for (let length = 0; length < token.length; length += 1) {
      expect(retry.verify(token.subarray(0, length), address, retryScid, issuedMs)).to.equal(undefined);
    }
    expect(retry.verify(Uint8Array.from([...token, 0]), address, retryScid, issuedMs)).to.equal(undefined);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => retry.verify(bytes, address, retryScid, issuedMs) === undefined));
  });
});
