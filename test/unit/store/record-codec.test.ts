import { expect } from 'chai';
import fc from 'fast-check';
import { decodeRecord, encodeRecord } from '../../../src/lib/store/record-codec.js';

describe('a record of the store', () => {
  it('gives back the value it was made from', () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), (key, value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('"__proto__":'));
        const sent = JSON.parse(text) as unknown;
        expect(decodeRecord(key, encodeRecord(key, sent))).to.deep.equal({ ok: true, value: sent });
      }),
    );
  });

  it('is not made of an object with a key __proto__, which could not be read back; as text it may be anywhere', () => {
    const hidden = JSON.parse('{ "list": [{ "__proto__": { "admin": true } }] }') as unknown;
    expect(() => encodeRecord('peers/a', hidden)).to.throw().with.property('code', 'MACULA_INVALID_VALUE');
    for (const value of ['__proto__', ['__proto__'], { text: '__proto__' }, Buffer.from('__proto__')]) {
      expect(decodeRecord('peers/a', encodeRecord('peers/a', value))).to.deep.equal({ ok: true, value });
    }
  });

  it('is refused under another key, when cut short, and with any one bit flipped', () => {
    const record = encodeRecord('peers/a', { id: 'a', addresses: ['192.0.2.1:4433'] });
    expect(decodeRecord('peers/b', record)).to.deep.equal({ ok: false });
    for (let length = 0; length < record.length; length++) expect(decodeRecord('peers/a', record.subarray(0, length))).to.deep.equal({ ok: false });
    for (let bit = 0; bit < record.length * 8; bit++) {
      const flipped = Buffer.from(record);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeRecord('peers/a', flipped)).to.deep.equal({ ok: false });
    }
  });
});
