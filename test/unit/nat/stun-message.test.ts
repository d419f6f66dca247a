import { expect } from 'chai';
import fc from 'fast-check';
import { classifyDatagram } from '../../../src/lib/transport/datagram-kind.js';
import { bindingMethod, decodeStun, encodeStun, type StunMessage } from '../../../src/lib/nat/stun-message.js';

function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s/g, ''), 'hex');
}

/** RFC 5769, section 2.1. */
const sampleRequest = hex(`
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
  80 28 00 04 e5 7a 3b cf`);
/** Section 2.2. */
const sampleIpv4 = hex(`
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7
  80 28 00 04 c0 7d 4c 96`);
/** Section 2.3. */
const sampleIpv6 = hex(`
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41
  80 28 00 04 c8 fb 0b 4c`);

const transactionId = 'b7e7a701bc34d686fa87dfae';
const request = { class: 'request', method: bindingMethod, transactionId } as const;

const host = fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', 'fe80::1', '::1', '2001:db8:1:2:3:4:5:6'));
const address = fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) });
const message: fc.Arbitrary<StunMessage> = fc.record(
  {
    class: fc.constantFrom('request', 'indication', 'success', 'error'),
    // Methods above have a first byte beyond those of RFC 7983.
    method: fc.integer({ min: 0, max: 0xff }),
    transactionId: fc.uint8Array({ minLength: 12, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    mappedAddress: address,
    xorMappedAddress: address,
    changeRequest: fc.record({ host: fc.boolean(), port: fc.boolean() }),
    responseOrigin: address,
    otherAddress: address,
    error: fc.record({ code: fc.integer({ min: 300, max: 699 }), reason: fc.string({ maxLength: 127, unit: 'grapheme-ascii' }) }),
    unknownAttributes: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }),
    software: fc.string({ maxLength: 127, unit: 'grapheme-ascii' }),
    fingerprint: fc.constant(true),
  },
  { requiredKeys: ['class', 'method', 'transactionId'] },
);

describe('STUN messages', () => {
  it('the sample request of RFC 5769 is read, its ICE attribute being one that is not understood', () => {
    expect(decodeStun(sampleRequest)).to.deep.equal({ ...request, software: 'STUN test client', fingerprint: true, notUnderstood: [0x0024] });
  });

  it('the sample responses of RFC 5769 are read', () => {
    const expected = { class: 'success', method: bindingMethod, transactionId, software: 'test vector', fingerprint: true };
    expect(decodeStun(sampleIpv4)).to.deep.equal({ ...expected, xorMappedAddress: { host: '192.0.2.1', port: 32_853 } });
    expect(decodeStun(sampleIpv6)).to.deep.equal({ ...expected, xorMappedAddress: { host: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 } });
  });

  it('a binding request is the header alone', () => {
    expect(Buffer.from(encodeStun(request)).toString('hex')).to.equal(`000100002112a442${transactionId}`);
  });

  it('an answer to a request of RFC 3489 carries its attributes', () => {
    const legacy = { class: 'success', method: bindingMethod, transactionId: `01020304${transactionId}`, mappedAddress: { host: '192.0.2.1', port: 4433 }, otherAddress: { host: '192.0.2.2', port: 1 } } as const;
    const bytes = Buffer.from(encodeStun(legacy));
    expect(bytes.toString('hex', 0, 8)).to.equal('0101001801020304');
    expect(bytes.toString('hex', 20)).to.equal(`0001000800011151c0000201${'000500080001'}0001c0000202`);
    expect(decodeStun(bytes)).to.deep.equal(legacy);
  });

  it('whatever is written is read the same, and is taken for STUN', () => {
    fc.assert(
      fc.property(message, (written) => {
        const bytes = encodeStun(written);
        expect(decodeStun(bytes)).to.deep.equal(written);
        expect(classifyDatagram(bytes)).to.equal('stun');
      }),
    );
  });

  it('a message whose FINGERPRINT does not fit is none', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, place, flip) => {
        const bytes = encodeStun({ ...written, fingerprint: true });
        bytes[place % bytes.length]! ^= flip;
        const read = decodeStun(bytes);
        // Where the attribute's own type was hit, it is another attribute; one that must be understood, or none.
        if (read?.fingerprint) throw new Error('taken for whole');
      }),
    );
  });

  it('random bytes and damaged messages are read or refused, never more', () => {
    const damaged = fc.tuple(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }), fc.nat(80)).map(([written, changes, cut]) => {
      const bytes = encodeStun(written);
      for (const [place, value] of changes) bytes[place % bytes.length] = value;
      return bytes.subarray(0, Math.max(0, bytes.length - (cut > 40 ? cut - 40 : 0)));
    });
    fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => void decodeStun(bytes)), { numRuns: 2000 });
  });

  const broken: [string, string][] = [
    ['nothing', ''],
    ['a header cut short', '000100002112a442b7e7a701bc34d686fa87df'],
    ['a first bit that STUN has not', `400100002112a442${transactionId}`],
    ['a length that lies', `000100082112a442${transactionId}`],
    ['an attribute longer than the message', `000100082112a442${transactionId}0020000800000000`],
    ['an address of a family nobody knows', `0101000c2112a442${transactionId}0001000800031151c0000201`],
    ['an IPv6 address of four bytes', `0101000c2112a442${transactionId}0001000800021151c0000201`],
    ['a port of 0', `0101000c2112a442${transactionId}0001000800010000c0000201`],
    ['an error code of 299', `011100082112a442${transactionId}0009000400000263`],
    ['an error code without a code', `011100042112a442${transactionId}00090000`],
    ['a FINGERPRINT that is not last', `0001000c2112a442${transactionId}8028000400000000${'80220000'}`],
  ];
  for (const [name, bytes] of broken) it(`${name} is no message`, () => expect(decodeStun(hex(bytes))).to.equal(undefined));

  it('the first of two equal attributes counts', () => {
    const two = hex(`010100182112a442${transactionId}0001000800011151c00002010001000800011151c0000202`);
    expect(decodeStun(two)?.mappedAddress?.host).to.equal('192.0.2.1');
  });

  it('more attributes than any message has are no message, in no time', () => {
    expect(decodeStun(hex(`000105002112a442${transactionId}${'80220000'.repeat(320)}`))).to.equal(undefined);
  });
});
