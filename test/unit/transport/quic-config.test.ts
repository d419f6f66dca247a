import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { generateIdentity } from '../../../src/lib/identity/certificate.js';
import { keyTypes, type NodeIdentity } from '../../../src/lib/identity/identity.js';
import { createQuicConfig } from '../../../src/lib/transport/quic-config.js';
import { checkedCode, checkedInteger, quicheErrorOf } from '../../../src/lib/transport/quiche-binding.js';

describe('the configuration of the native library', () => {
  let identity: NodeIdentity;

  before(async () => {
    identity = await generateIdentity('ed25519', { clock: systemClock, random: systemRandom });
  });

  for (const keyType of keyTypes) {
    it(`takes an identity of type ${keyType}`, async () => {
      const other = await generateIdentity(keyType, { clock: systemClock, random: systemRandom });
      expect(() => createQuicConfig(other, defaultSettings(), 1200)).not.to.throw();
    });
  }

  for (const name of ['idleTimeoutMs', 'streamWindowBytes', 'connectionWindowBytes', 'maxStreams'] as const) {
    for (const value of [-1, 0, 1.5, NaN, Infinity]) {
      it(`refuses ${name} ${value} before it reaches the library, which would end the process`, () => {
        expect(() => createQuicConfig(identity, { ...defaultSettings(), [name]: value }, 1200)).to.throw(RangeError, name);
      });
    }
  }

  it('refuses payload sizes that QUIC forbids', () => {
    for (const bytes of [-1, 0, 1199, 65_528]) expect(() => createQuicConfig(identity, defaultSettings(), bytes)).to.throw(RangeError);
  });

  it('checks ranges at both ends', () => {
    expect(checkedInteger('x', 3, 3, 4)).to.equal(3);
    expect(checkedInteger('x', 4, 3, 4)).to.equal(4);
    for (const value of [2, 5]) expect(() => checkedInteger('x', value, 3, 4)).to.throw(RangeError, 'x must be a whole number from 3 to 4');
    expect(() => checkedCode(-1)).to.throw(RangeError);
  });

  it('reads the names and codes of errors', () => {
    expect(quicheErrorOf(new Error('StreamReset(5)'))).to.deep.equal({ name: 'StreamReset', code: 5 });
    expect(quicheErrorOf(new Error('StreamLimit'))).to.deep.equal({ name: 'StreamLimit', code: undefined });
  });
});
