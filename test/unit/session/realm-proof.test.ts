import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { derivePathKey } from '../../../src/lib/session/path-key.js';
import { proveRealm, realmId, verifyRealmProof, type ProofContext } from '../../../src/lib/session/realm-proof.js';

const context: ProofContext = {
  secret: 'a secret of well over 128 random bits',
  realmId: realmId('macula'),
  clientId: 'c1'.repeat(32),
  serverId: '5e'.repeat(32),
  clientNonce: Buffer.alloc(32, 0xc0),
  serverNonce: Buffer.alloc(32, 0x50),
  version: 1,
  alpn: 'macula/1',
};

describe('realmId', () => {
  it('is SHA-256 of the name in UTF-8', () => {
    expect(Buffer.from(realmId('größe'))).to.deep.equal(createHash('sha256').update(Buffer.from('größe', 'utf8')).digest());
  });
});

describe('realm proof', () => {
  it('of each role is accepted by the other side with the same context', () => {
    for (const role of ['client', 'server'] as const) {
      expect(verifyRealmProof(role, { ...context }, proveRealm(role, context))).to.equal(true);
    }
  });

  it('of one role is refused as the other (reflection)', () => {
    expect(verifyRealmProof('server', context, proveRealm('client', context))).to.equal(false);
    expect(verifyRealmProof('client', context, proveRealm('server', context))).to.equal(false);
  });

  it('cannot be reflected by swapping who is who as well', () => {
    const swapped = { ...context, clientId: context.serverId, serverId: context.clientId, clientNonce: context.serverNonce, serverNonce: context.clientNonce };
    expect(verifyRealmProof('server', swapped, proveRealm('client', context))).to.equal(false);
    expect(verifyRealmProof('client', swapped, proveRealm('client', context))).to.equal(false);
  });

  const others: [what: string, changed: Partial<ProofContext>][] = [
    ['another secret', { secret: `${context.secret}.` }],
    ['an empty secret', { secret: '' }],
    ['another realm', { realmId: realmId('other') }],
    ['swapped node ids', { clientId: context.serverId, serverId: context.clientId }],
    ['another client (a node in the middle)', { clientId: 'aa'.repeat(32) }],
    ['another server (a node in the middle)', { serverId: 'aa'.repeat(32) }],
    ['swapped nonces', { clientNonce: context.serverNonce, serverNonce: context.clientNonce }],
    ['an old client nonce', { clientNonce: Buffer.alloc(32, 1) }],
    ['an old server nonce', { serverNonce: Buffer.alloc(32, 1) }],
    ['another protocol version', { version: 2 }],
    ['another ALPN', { alpn: 'macula/2' }],
    ['an ALPN of another length', { alpn: 'macula/1x' }],
  ];
  for (const [what, changed] of others) {
    it(`is refused with ${what}`, () => {
      for (const role of ['client', 'server'] as const) {
        expect(verifyRealmProof(role, { ...context, ...changed }, proveRealm(role, context))).to.equal(false);
      }
    });
  }

  it('is refused with any single bit changed', () => {
    const proof = proveRealm('client', context);
    for (let bit = 0; bit < proof.length * 8; bit += 1) {
      const wrong = Uint8Array.from(proof);
      wrong[bit >> 3]! ^= 1 << (bit & 7);
      expect(verifyRealmProof('client', context, wrong)).to.equal(false);
    }
  });

  it('is refused when empty, truncated or extended, without an exception', () => {
    const proof = proveRealm('client', context);
    for (const wrong of [new Uint8Array(0), proof.subarray(0, 31), proof.subarray(0, 16), Buffer.concat([proof, Buffer.of(0)])]) {
      expect(verifyRealmProof('client', context, wrong)).to.equal(false);
    }
  });

  it('is never computed over parts of the wrong length, which could be shifted against each other', () => {
    for (const changed of [{ clientNonce: Buffer.alloc(31) }, { serverNonce: Buffer.alloc(33) }, { clientId: 'ab' }, { serverId: '' }, { realmId: Buffer.alloc(0) }]) {
      expect(() => proveRealm('client', { ...context, ...changed })).to.throw(RangeError);
    }
  });
});

describe('derivePathKey', () => {
  const a = Buffer.alloc(32, 1);
  const b = Buffer.alloc(32, 2);

  it('is 32 bytes that depend on both shares and their order', () => {
    const keys = [derivePathKey(a, b), derivePathKey(b, a), derivePathKey(a, a), derivePathKey(b, b)];
    expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).to.equal(4);
    for (const key of keys) expect(key).to.have.length(32);
    expect(derivePathKey(Buffer.from(a), Buffer.from(b))).to.deep.equal(keys[0]);
  });

  it('refuses shares of another length', () => {
    expect(() => derivePathKey(a.subarray(1), b)).to.throw(RangeError);
    expect(() => derivePathKey(a, Buffer.alloc(33))).to.throw(RangeError);
  });
});
