import { expect } from 'chai';
import fc from 'fast-check';
import { bindingMethod, decodeStun, encodeStun, StunAttribute, type StunMessage } from '../../../src/lib/nat/stun-message.js';
import { StunResponder } from '../../../src/lib/nat/stun-responder.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const transactionId = '0102030405060708090a0b0c';
const [client, client6] = [{ host: '198.51.100.7', port: 40_000 }, { host: '2001:db8::7', port: 40_000 }];
const request: StunMessage = { class: 'request', method: bindingMethod, transactionId };
/** What carries a datagram: headers of IP and UDP. */
const headerBytes = { ipv4: 28, ipv6: 48 };

function responder(clock = new VirtualClock(), limits = { stunRatePerPrefix: 1_000_000, stunRate: 1_000_000 }): StunResponder {
  return new StunResponder({ clock }, limits);
}

/** A request with these attributes after those of `message`. */
function withAttributes(message: StunMessage, types: readonly number[], valueBytes = 0): Uint8Array {
  const bytes = Buffer.concat([encodeStun(message), ...types.map((type) => Buffer.concat([Buffer.of(type >> 8, type & 0xff, 0, valueBytes), Buffer.alloc((valueBytes + 3) & ~3)]))]);
  bytes.writeUInt16BE(bytes.length - 20, 2);
  return bytes;
}

function answerTo(bytes: Uint8Array, from = client): StunMessage | string {
  const answer = responder().answer(decodeStun(bytes)!, from);
  return typeof answer === 'string' ? answer : decodeStun(answer)!;
}

describe('answers to STUN requests', () => {
  it('tell where the request came from, hidden from NATs, and nothing else', () => {
    for (const from of [client, client6]) expect(answerTo(encodeStun(request), from)).to.deep.equal({ class: 'success', method: bindingMethod, transactionId, xorMappedAddress: from });
  });

  it('carry a FINGERPRINT where the request did', () => expect(answerTo(encodeStun({ ...request, fingerprint: true }))).to.include({ fingerprint: true }));

  it('are of the old form for old clients', () => {
    const old = { ...request, transactionId: '000102030405060708090a0b0c0d0e0f' };
    expect(answerTo(encodeStun(old))).to.deep.equal({ class: 'success', method: bindingMethod, transactionId: old.transactionId, mappedAddress: client });
  });

  it('name the attributes that are not understood, error 420, at most four of them', () => {
    const answer = answerTo(withAttributes(request, [0x7001, 0x7002, 0x7003, 0x7004, 0x7005])) as StunMessage;
    expect(answer).to.deep.include({ class: 'error', error: { code: 420, reason: '' }, unknownAttributes: [0x7001, 0x7002, 0x7003, 0x7004] });
  });

  it('say so of CHANGE-REQUEST, by which strangers would choose who is sent to', () => {
    expect(answerTo(encodeStun({ ...request, changeRequest: { host: true, port: true } }))).to.deep.include({ class: 'error', unknownAttributes: [StunAttribute.changeRequest] });
    expect(answerTo(encodeStun({ ...request, changeRequest: { host: false, port: false } }))).to.include({ class: 'success' });
  });

  it('pass over attributes that need not be understood', () => expect(answerTo(withAttributes(request, [0x8001, 0xc0de], 8))).to.include({ class: 'success' }));

  for (const [what, message] of [['indications', { ...request, class: 'indication' }], ['responses', { ...request, class: 'success' }], ['other methods', { ...request, method: 3 }]] as const) {
    it(`are not given to ${what}`, () => expect(responder().answer(message, client)).to.equal('stun-unsupported'));
  }

  it('are given as often as a network may ask, and to another network all the same', () => {
    const clock = new VirtualClock();
    const limited = responder(clock, { stunRatePerPrefix: 3, stunRate: 5 });
    const ask = (host: string): boolean => typeof limited.answer(request, { host, port: 1 }) !== 'string';
    expect(['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'].map(ask)).to.deep.equal([true, true, true, false]);
    expect(['203.0.113.1', '203.0.113.1', '192.0.2.1'].map(ask)).to.deep.equal([true, true, false]);
    expect(limited.stats()).to.deep.equal({ answered: 5, refused: 0, rateLimited: 2 });
    clock.advance(1000);
    expect(ask('198.51.100.4')).to.equal(true);
  });

  /** Bytes on the wire out and in: what an attacker gains who forges the source. */
  const ratioOf = (bytes: Uint8Array, from: typeof client): number => {
    const message = decodeStun(bytes);
    const answer = message && responder().answer(message, from);
    const headers = from.host.includes(':') ? headerBytes.ipv6 : headerBytes.ipv4;
    return answer instanceof Uint8Array ? (answer.length + headers) / (bytes.length + headers) : 0;
  };

  const kinds: Record<string, Uint8Array> = {
    'the header alone': encodeStun(request),
    'an old request': encodeStun({ ...request, transactionId: '000102030405060708090a0b0c0d0e0f' }),
    'a request with FINGERPRINT': encodeStun({ ...request, fingerprint: true }),
    'a CHANGE-REQUEST': encodeStun({ ...request, changeRequest: { host: true, port: false } }),
    ...Object.fromEntries([1, 2, 4, 30].map((count) => [`${count} unknown attributes`, withAttributes(request, Array.from({ length: count }, (_, index) => 0x7000 + index))])),
  };
  for (const [what, bytes] of Object.entries(kinds)) {
    it(`are at most half as long again as ${what}`, () => {
      for (const from of [client, client6]) expect(ratioOf(bytes, from)).to.be.within(0.1, 1.5);
    });
  }

  it('are never longer than that, whatever comes, and nothing breaks the responder', () => {
    const damaged = fc.tuple(fc.constantFrom(...Object.values(kinds)), fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 6 })).map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
      copy.writeUInt16BE(copy.length - 20, 2);
      return copy;
    });
    fc.assert(fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), fc.constantFrom(client, client6), (bytes, from) => ratioOf(bytes, from) <= 1.5), { numRuns: 3000 });
  });
});
