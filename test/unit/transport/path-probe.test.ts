import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalHost } from '../../../src/lib/base/address.js';
import { decodeProbe, encodeProbe, probeBytes, ReplayWindow, verifyProbe, type Probe } from '../../../src/lib/transport/path-probe.js';
import { classifyDatagram } from '../../../src/lib/transport/datagram-kind.js';

const key = new Uint8Array(32).fill(7);
const request: Probe = { type: 'request', connectionId: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]), transaction: '00112233445566ff', sequence: 4_294_967_295, observedAddress: undefined };
const answer: Probe = { ...request, type: 'answer', observedAddress: { host: '198.51.100.7', port: 4433 } };

const hosts = fc.oneof(fc.ipV4(), fc.ipV6().map((host) => canonicalHost(host)!));
const probes: fc.Arbitrary<Probe> = fc
  .record({
    type: fc.constantFrom('request' as const, 'answer' as const),
    connectionId: fc.uint8Array({ minLength: 8, maxLength: 8 }),
    transaction: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('hex')),
    sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    observedAddress: fc.option(fc.record({ host: hosts, port: fc.integer({ min: 1, max: 65_535 }) }), { nil: undefined }),
  })
  .map((probe) => (probe.type === 'request' ? { ...probe, observedAddress: undefined } : probe));

describe('path probes', () => {
  it('come back from their bytes as they were, and verify', () => {
    fc.assert(
      fc.property(probes, fc.constantFrom('client' as const, 'server' as const), (probe, sender) => {
        const bytes = encodeProbe(probe, key, sender);
        expect(decodeProbe(bytes)).to.deep.equal(probe);
        expect(verifyProbe(bytes, key, sender)).to.equal(true);
      }),
    );
  });

  it('are told from other datagrams by their first byte', () => {
    expect(classifyDatagram(encodeProbe(request, key, 'client'))).to.equal('probe');
  });

  it('are as long when asked as when answered, so that nothing is amplified', () => {
    expect([encodeProbe(request, key, 'client').length, encodeProbe(answer, key, 'server').length]).to.deep.equal([probeBytes, probeBytes]);
  });

  it('do not verify when sent back to the side that made them', () => {
    expect(verifyProbe(encodeProbe(request, key, 'client'), key, 'server')).to.equal(false);
  });

  it('do not verify under another key', () => {
    expect(verifyProbe(encodeProbe(request, key, 'client'), new Uint8Array(32).fill(8), 'client')).to.equal(false);
  });

  it('do not verify with any bit flipped', () => {
    for (const probe of [request, answer]) {
      const bytes = encodeProbe(probe, key, 'client');
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const forged = Uint8Array.from(bytes);
        forged[bit >> 3]! ^= 1 << (bit & 7);
        expect(decodeProbe(forged) !== undefined && verifyProbe(forged, key, 'client'), `bit ${bit}`).to.equal(false);
      }
    }
  });

  it('do not verify at another length', () => {
    const bytes = encodeProbe(request, key, 'client');
    expect(verifyProbe(bytes.subarray(1), key, 'client')).to.equal(false);
    expect(verifyProbe(Uint8Array.from([...bytes, 0]), key, 'client')).to.equal(false);
  });

  const bad: [string, Probe, Record<number, number>][] = [
    ['another kind of datagram', request, { 0: 5 }],
    ['an unknown type', request, { 1: 3 }],
    ['a request with an address', request, { 22: 4 }],
    ['an answer with an unknown address family', answer, { 22: 5 }],
    ['an answer with port 0', answer, { 23: 0, 24: 0 }],
  ];
  for (const [name, probe, changes] of bad) {
    it(`are not read from ${name}`, () => {
      const bytes = encodeProbe(probe, key, 'client');
      for (const [index, value] of Object.entries(changes)) bytes[Number(index)] = value;
      expect(decodeProbe(bytes)).to.equal(undefined);
    });
  }

  it('are not read from random bytes of the wrong length, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        bytes[0] = 4;
        const probe = decodeProbe(bytes);
        if (bytes.length !== probeBytes) expect(probe).to.equal(undefined);
      }),
    );
  });

  it('keep no view of the datagram they were read from', () => {
    const bytes = encodeProbe(answer, key, 'client');
    const probe = decodeProbe(bytes)!;
    bytes.fill(0);
    expect(probe).to.deep.equal(answer);
  });
});

describe('replay window', () => {
  it('accepts each number once, in any order within 128', () => {
    const window = new ReplayWindow();
    expect([0, 2, 1, 2, 0, 1, 200, 73, 72, 73, 200].map((sequence) => window.accept(sequence))).to.deep.equal([true, true, true, false, false, false, true, true, false, false, false]);
  });

  it('never accepts a number twice', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(400), fc.constant(0xffff_ffff)), { maxLength: 300 }), (sequences) => {
        const window = new ReplayWindow();
        const accepted = sequences.filter((sequence) => window.accept(sequence));
        expect(new Set(accepted).size).to.equal(accepted.length);
      }),
    );
  });
});
