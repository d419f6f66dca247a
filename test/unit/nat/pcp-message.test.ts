import { expect } from 'chai';
import fc from 'fast-check';
import { pcpMapRequest, pmpAddressRequest, pmpMapRequest, readPcpMapAnswer, readPmpAddressAnswer, readPmpMapAnswer, type MapRequest } from '../../../src/lib/nat/pcp-message.js';

const nonce = Buffer.from('0102030405060708090a0b0c', 'hex');
const request: MapRequest = { internal: { host: '10.0.0.2', port: 4433 }, externalPort: 4433, lifetimeSeconds: 7200 };

/** What a gateway answers to a request, made from the request's own bytes as RFC 6887, section 11.3, has it. */
function pcpAnswer(changes: (bytes: Buffer) => void = () => undefined): Buffer {
  const bytes = Buffer.from(pcpMapRequest(request, nonce));
  bytes[1]! |= 0x80;
  bytes.fill(0, 12, 24);
  bytes.writeUInt32BE(3600, 4);
  bytes.writeUInt16BE(61_000, 42);
  Buffer.from('00000000000000000000ffff2d2d2d2d', 'hex').copy(bytes, 44);
  changes(bytes);
  return bytes;
}

describe('messages of PCP and NAT-PMP', () => {
  it('are written as the RFCs have them', () => {
    expect(Buffer.from(pcpMapRequest(request, nonce)).toString('hex')).to.equal(
      '02010000' + '00001c20' + '00000000000000000000ffff0a000002' + '0102030405060708090a0b0c' + '11000000' + '1151' + '1151' + '00000000000000000000ffff00000000',
    );
    expect(Buffer.from(pmpMapRequest(request)).toString('hex')).to.equal('00010000' + '11511151' + '00001c20');
    expect(Buffer.from(pmpMapRequest({ ...request, lifetimeSeconds: 0 })).toString('hex')).to.equal('00010000' + '11510000' + '00000000');
    expect(Buffer.from(pmpAddressRequest()).toString('hex')).to.equal('0000');
  });

  it('tell what a gateway granted', () => {
    expect(readPcpMapAnswer(pcpAnswer(), request, nonce)).to.deep.equal({ type: 'granted', external: { host: '45.45.45.45', port: 61_000 }, lifetimeSeconds: 3600 });
    expect(readPmpAddressAnswer(Buffer.from('0080000000000001' + '2d2d2d2d', 'hex'))).to.deep.equal({ type: 'granted', host: '45.45.45.45' });
    expect(readPmpMapAnswer(Buffer.from('0081000000000001' + '1151ee48' + '00000e10', 'hex'), request)).to.deep.equal({ type: 'granted', externalPort: 61_000, lifetimeSeconds: 3600 });
  });

  it('tell what it refused, and that it speaks another version', () => {
    expect(readPcpMapAnswer(pcpAnswer((bytes) => (bytes[3] = 8)), request, nonce)).to.deep.equal({ type: 'refused', code: 8 });
    expect(readPcpMapAnswer(Buffer.from('0081000100000001', 'hex'), request, nonce)).to.deep.equal({ type: 'other-version' });
    expect(readPmpMapAnswer(Buffer.from('0081000200000001', 'hex'), request)).to.deep.equal({ type: 'refused', code: 2 });
  });

  const foreign: Record<string, (bytes: Buffer) => void> = {
    'with another nonce': (bytes) => (bytes[24]! ^= 1),
    'about another port': (bytes) => bytes.writeUInt16BE(4434, 40),
    'about another protocol': (bytes) => (bytes[36] = 6),
    'that is itself a request': (bytes) => (bytes[1]! &= 0x7f),
    'with an IPv6 address': (bytes) => (bytes[44] = 0x20),
  };
  for (const [what, change] of Object.entries(foreign)) {
    it(`take no answer ${what} for theirs`, () => expect(readPcpMapAnswer(pcpAnswer(change), request, nonce)).to.equal(undefined));
  }

  it('survive whatever comes', () => {
    const answers = [pcpAnswer(), Buffer.from('0081000000000001' + '1151ee48' + '00000e10', 'hex'), Buffer.from('0080000000000001' + '2d2d2d2d', 'hex')];
    const mutated = fc.tuple(fc.constantFrom(...answers), fc.nat(60), fc.uint8Array({ maxLength: 4 }), fc.nat(70)).map(([bytes, at, patch, length]) => {
      const copy = Buffer.from(bytes);
      copy.set(patch.subarray(0, Math.max(0, copy.length - at)), Math.min(at, copy.length));
      return copy.subarray(0, length);
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))), (bytes) => {
        for (const answer of [readPcpMapAnswer(bytes, request, nonce), readPmpAddressAnswer(bytes), readPmpMapAnswer(bytes, request)]) {
          expect(answer?.type).to.be.oneOf([undefined, 'granted', 'refused', 'other-version']);
        }
      }),
    );
  });
});
