import { expect } from 'chai';
import fc from 'fast-check';
import { classifyDatagram } from '../../../src/lib/transport/datagram-kind.js';

function datagram(first: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = first;
  return bytes;
}

function stun(bodyBytes: number, changes: Record<number, number> = {}): Uint8Array {
  const bytes = new Uint8Array(20 + bodyBytes);
  bytes.set([0, 1, bodyBytes >> 8, bodyBytes & 0xff, 0x21, 0x12, 0xa4, 0x42]);
  for (const [index, value] of Object.entries(changes)) bytes[Number(index)] = value;
  return bytes;
}

describe('kinds of datagrams', () => {
  const cases: [string, Uint8Array, string][] = [
    ['an empty datagram', new Uint8Array(0), 'unknown'],
    ['a STUN request without attributes', stun(0), 'stun'],
    ['a STUN response (first byte 1)', stun(12, { 0: 1 }), 'stun'],
    ['a STUN message of 300 bytes', stun(300), 'stun'],
    ['a STUN message with first byte 3', stun(0, { 0: 3 }), 'stun'],
    ['a STUN request without the cookie, as of RFC 3489', stun(0, { 7: 0x43 }), 'stun'],
    ['a STUN response without the cookie', stun(0, { 0: 1, 7: 0x43 }), 'unknown'],
    ['a STUN message whose length lies', stun(8, { 3: 4 }), 'unknown'],
    ['a STUN message whose length is no multiple of four', stun(6), 'unknown'],
    ['a STUN message cut short', stun(0).subarray(0, 19), 'unknown'],
    ['a path probe', datagram(4, 57), 'probe'],
    ['a relayed packet', datagram(5, 100), 'relay'],
    ['a kind nobody defined', datagram(6, 100), 'unknown'],
    ['the last kind of ours', datagram(15, 100), 'unknown'],
    ['a ZRTP packet', datagram(16, 100), 'unknown'],
    ['a DTLS packet', datagram(22, 100), 'unknown'],
    ['the byte before QUIC', datagram(63, 100), 'unknown'],
    ['the first short header', datagram(64, 100), 'quic-short'],
    ['the last short header', datagram(127, 29), 'quic-short'],
    ['a short header too short for a header-protection sample', datagram(64, 28), 'unknown'],
    ['the first long header', datagram(128, 1200), 'quic-long'],
    ['a version negotiation packet', datagram(0xbf, 7), 'quic-long'],
    ['the last long header', datagram(255, 1200), 'quic-long'],
    ['a long header cut short', datagram(0xc0, 6), 'unknown'],
  ];
  for (const [name, bytes, kind] of cases) {
    it(`${name} is ${kind}`, () => expect(classifyDatagram(bytes)).to.equal(kind));
  }

  it('reads a STUN message that lies inside a larger buffer', () => {
    const buffer = new Uint8Array(100);
    buffer.set(stun(4), 10);
    expect(classifyDatagram(buffer.subarray(10, 34))).to.equal('stun');
  });

  it('never takes bytes outside the QUIC ranges for QUIC', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        const kind = classifyDatagram(bytes);
        if (kind.startsWith('quic')) expect(bytes[0]).to.be.at.least(64);
        if (bytes[0]! < 64) expect(kind).to.be.oneOf(['stun', 'probe', 'relay', 'unknown']);
      }),
    );
  });
});
