import { createHash, X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { ErrorCode } from '../../../src/lib/base/error-catalogue.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { maxCertificateBytes, rememberingVerifier, verifyPeerChain } from '../../../src/lib/identity/certificate-rules.js';
import { keyTypes } from '../../../src/lib/identity/identity.js';
import { derOf, identityAt, KeyUsageFlags, newPair, now, oddCertificate, rsa } from './certificate-fixtures.js';

const hour = 3_600_000;
const day = 24 * hour;

function refusal(chain: readonly Uint8Array[], wallMs = now): MaculaError {
  try {
    verifyPeerChain(chain, wallMs);
  } catch (error) {
    if (error instanceof MaculaError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('certificate rules', () => {
  for (const keyType of keyTypes) {
    it(`accept a ${keyType} certificate of ours, as any kind of bytes, and compute its id`, async () => {
      const identity = await identityAt(now, keyType);
      const der = derOf(identity);
      const peer = verifyPeerChain([new Uint8Array(der)], now);
      expect(peer.nodeId).to.equal(identity.nodeId);
      expect(peer.keyType).to.equal(keyType);
      expect(Buffer.compare(peer.certificateDer, der)).to.equal(0);
    });
  }

  it('compute the id over the bit string alone, without the octet of unused bits', async () => {
    const der = derOf(await identityAt(now));
    const { x } = new X509Certificate(der).publicKey.export({ format: 'jwk' });
    const expected = createHash('sha256').update(Buffer.from(x!, 'base64url')).digest('hex');
    expect(verifyPeerChain([der], now).nodeId).to.equal(expected);
  });

  const moments: [string, number, ErrorCode | undefined][] = [
    ['hours before it was made, within the day it is backdated', now - 23 * hour, undefined],
    ['the moment it begins', now - day, undefined],
    ['the moment before it begins', now - day - 1, 'MACULA_CERTIFICATE_EXPIRED'],
    ['nine years on', now + 9 * 365 * day, undefined],
    ['the moment it ends', Date.UTC(2036, 5, 1, 12), undefined],
    ['the moment after', Date.UTC(2036, 5, 1, 12) + 1, 'MACULA_CERTIFICATE_EXPIRED'],
  ];
  for (const [when, wallMs, code] of moments) {
    it(`${code === undefined ? 'accept' : 'refuse'} a certificate ${when}`, async () => {
      const der = derOf(await identityAt(now));
      if (code === undefined) expect(() => verifyPeerChain([der], wallMs)).not.to.throw();
      else expect(refusal([der], wallMs).code).to.equal(code);
    });
  }

  it('say what is wrong with the validity, and what the clock says', async () => {
    const der = derOf(await identityAt(now));
    expect(refusal([der], now - 2 * day).message).to.contain('not valid before 2026-05-31T12:00:00.000Z');
    const { message, details } = refusal([der], Date.UTC(2040, 0));
    expect(message).to.contain('expired since 2036-06-01').and.to.contain('2040-01-01');
    expect(details).to.include({ notAfter: '2036-06-01T12:00:00.000Z', now: '2040-01-01T00:00:00.000Z' });
  });

  const tampered = (der: Buffer, offset: number): Buffer => {
    const copy = Buffer.from(der);
    copy[offset < 0 ? copy.length + offset : offset]! ^= 1;
    return copy;
  };
  const refusals: [string, (der: Buffer) => readonly Uint8Array[] | Promise<readonly Uint8Array[]>, RegExp][] = [
    ['no certificate', () => [], /there is none/],
    ['two certificates', (der) => [der, der], /exactly one is expected, but 2/],
    ['no bytes', () => [new Uint8Array()], /missing/],
    ['PEM', (der) => [Buffer.from(new X509Certificate(der).toString())], /another type/],
    ['a byte too many', (der) => [Buffer.concat([der, Buffer.alloc(1)])], /bytes follow/],
    ['a byte too few', (der) => [der.subarray(0, -1)], /ends within/],
    ['more than the largest size', () => [new Uint8Array(maxCertificateBytes + 1)], /larger than 8192/],
    ['an altered signature', (der) => [tampered(der, -1)], /not signed with its own key/],
    ['an altered serial number', (der) => [tampered(der, 20)], /not signed with its own key/],
    ['the signature of another key', async () => [await oddCertificate({ name: 'Ed25519' }, await newPair({ name: 'Ed25519' }))], /not signed with its own key/],
    ['a key usage without digital signature, as authorities have', async () => [await oddCertificate({ name: 'Ed25519' }, undefined, KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign)], /key usage does not include digitalSignature/],
    ['a P-384 key', async () => [await oddCertificate({ name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' })], /neither Ed25519 nor/],
    ['an RSA key of 1024 bits', async () => [await oddCertificate(rsa(1024))], /has 1024 bits; 2048 to 4096/],
    ['a SHA-1 signature', async () => [await oddCertificate(rsa(2048, 'SHA-1'))], /signature algorithm/],
    ['an RSA-PSS signature', async () => [await oddCertificate({ ...rsa(2048, 'SHA-256', 'RSA-PSS'), saltLength: 32 })], /signature algorithm|neither/],
  ];
  for (const [what, chainOf, message] of refusals) {
    it(`refuse ${what} and say so`, async () => {
      const error = refusal(await chainOf(derOf(await identityAt(now))));
      expect(error.code).to.equal('MACULA_CERTIFICATE_INVALID');
      expect(error.message).to.match(message);
      expect(error.details).to.have.property('rule');
    });
  }

  it('accept stronger hashes and longer RSA keys than we generate', async () => {
    expect(verifyPeerChain([await oddCertificate(rsa(3072, 'SHA-512'))], now).keyType).to.equal('rsa-2048');
    expect(verifyPeerChain([await oddCertificate({ name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-384' })], now).keyType).to.equal('ecdsa-p256');
  });

  it('accept a key usage that allows digital signature among others', async () => {
    const der = await oddCertificate({ name: 'Ed25519' }, undefined, KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign);
    expect(verifyPeerChain([der], now).keyType).to.equal('ed25519');
  });

  it('refuse a length that is not in its shortest form, though the signature covers it not', async () => {
    const der = derOf(await identityAt(now));
    const padded = Buffer.concat([Buffer.from([0x30, 0x83, 0x00]), der.subarray(2)]);
    expect(refusal([padded]).message).to.match(/excessive length/);
  });

  it('answer any bytes with a refusal of their own and nothing else', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(refusal([bytes]).code).to.equal('MACULA_CERTIFICATE_INVALID');
    }), { numRuns: 2000 });
  });

  for (const keyType of keyTypes) {
    it(`answer any change of a ${keyType} certificate with a refusal`, async () => {
      const der = derOf(await identityAt(now, keyType));
      const position = fc.integer({ min: 0, max: der.length - 1 });
      const edits = fc.array(fc.tuple(position, fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
      fc.assert(fc.property(edits, (changes) => {
        const copy = new Uint8Array(der);
        for (const [offset, mask] of changes) copy[offset]! ^= mask;
        if (Buffer.compare(copy, der) === 0) return;
        expect(refusal([copy]).code).to.match(/^MACULA_CERTIFICATE_(INVALID|EXPIRED)$/);
      }), { numRuns: 1500 });
    });

    it(`answer any cut or insertion in a ${keyType} certificate with a refusal`, async () => {
      const der = derOf(await identityAt(now, keyType));
      const position = fc.nat(der.length);
      fc.assert(fc.property(position, position, fc.uint8Array({ maxLength: 40 }), (from, to, inserted) => {
        const copy = Buffer.concat([der.subarray(0, from), inserted, der.subarray(to)]);
        if (Buffer.compare(copy, der) === 0) return;
        expect(refusal([copy])).to.be.instanceOf(MaculaError);
      }), { numRuns: 1000 });
    });
  }
});

describe('a verifier that remembers certificates', () => {
  /** How often the signature of a certificate was verified while `work` ran. */
  function verifications(work: () => void): number {
    const { verify } = X509Certificate.prototype;
    let count = 0;
    X509Certificate.prototype.verify = function (key) {
      count++;
      return verify.call(this, key);
    };
    try {
      work();
    } finally {
      X509Certificate.prototype.verify = verify;
    }
    return count;
  }
  const codeOf = (work: () => unknown): unknown => {
    try {
      work();
      return undefined;
    } catch (error) {
      return (error as MaculaError).code;
    }
  };

  it('looks into each once, and says the same of it every time', async () => {
    const ders = [derOf(await identityAt(now)), derOf(await identityAt(now))];
    const check = rememberingVerifier(10);
    expect(verifications(() => {
      for (const der of [...ders, ...ders, ...ders]) {
        const { certificateDer, ...peer } = check([new Uint8Array(der)], now);
        const { certificateDer: same, ...expected } = verifyPeerChain([der], now);
        expect(peer).to.deep.equal(expected);
        expect(Buffer.compare(certificateDer, same)).to.equal(0);
      }
    }) - 6, 'beside those of verifyPeerChain').to.equal(2);
  });

  it('holds one it knows to its validity each time', async () => {
    const der = derOf(await identityAt(now));
    const check = rememberingVerifier(10);
    check([der], now);
    expect(codeOf(() => check([der], Date.UTC(2036, 5, 1, 12) + 1))).to.equal('MACULA_CERTIFICATE_EXPIRED');
    expect(codeOf(() => check([der], now - 2 * day))).to.equal('MACULA_CERTIFICATE_EXPIRED');
    expect(codeOf(() => check([der], now))).to.equal(undefined);
  });

  it('takes nothing else for one it knows: not one changed by a bit, nor a longer chain', async () => {
    const der = derOf(await identityAt(now));
    const check = rememberingVerifier(10);
    check([der], now);
    for (let index = 0; index < der.length; index += 7) {
      const changed = Buffer.from(der);
      changed[index]! ^= 1;
      expect(codeOf(() => check([changed], now)), `bit of byte ${index}`).to.equal('MACULA_CERTIFICATE_INVALID');
    }
    for (const chain of [[], [der, der], [Buffer.concat([der, der])], [Buffer.alloc(maxCertificateBytes + 1)]]) expect(codeOf(() => check(chain, now))).to.equal('MACULA_CERTIFICATE_INVALID');
  });

  it('remembers no more than it is told to, and none that was refused', async () => {
    const [first, second] = [derOf(await identityAt(now)), derOf(await identityAt(now))];
    const changed = Buffer.from(first);
    changed[changed.length - 1]! ^= 1;
    const check = rememberingVerifier(1);
    const looks = (der: Uint8Array): number => verifications(() => void codeOf(() => check([der], now)));
    expect([first, first, second, first, changed, changed].map(looks)).to.deep.equal([1, 0, 1, 1, 1, 1]);
  });
});
