import { constants, createPrivateKey, sign } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { keyTypes, type KeyType, type NodeIdentity } from '../../../src/lib/identity/identity.js';
import { createSigner, readSigningKey, rememberVerified, verifySignature, type Signer } from '../../../src/lib/identity/signing.js';
import { identityAt, now } from './certificate-fixtures.js';

const bytes = Buffer.from('the bytes to sign');

describe('signing', () => {
  const identities = new Map<KeyType, NodeIdentity>();
  const signers = new Map<KeyType, Signer>();

  before(async () => {
    for (const keyType of keyTypes) {
      const identity = await identityAt(now, keyType);
      identities.set(keyType, identity);
      signers.set(keyType, createSigner(identity));
    }
  });

  const signatureBytes: readonly (readonly [KeyType, number])[] = [['ed25519', 64], ['ecdsa-p256', 64], ['rsa-2048', 256]];
  for (const [keyType, length] of signatureBytes) {
    describe(`with ${keyType}`, () => {
      it(`makes signatures of ${length} bytes that verify`, () => {
        const signer = signers.get(keyType)!;
        const signature = signer.sign(bytes);
        expect(signature).to.have.length(length);
        expect(verifySignature(signer.publicKey, bytes, signature)).to.equal(true);
        expect(verifySignature(signer.publicKey, Buffer.alloc(0), signer.sign(Buffer.alloc(0)))).to.equal(true);
      });

      it('has a public key that hashes to the node id of the certificate', () => {
        const identity = identities.get(keyType)!;
        expect(readSigningKey(signers.get(keyType)!.publicKey)).to.deep.equal({ nodeId: identity.nodeId, keyType });
        expect(signers.get(keyType)!.nodeId).to.equal(identity.nodeId);
      });

      it('does not verify other bytes, another key or a signature changed in any way', async () => {
        const signer = signers.get(keyType)!;
        const other = createSigner(await identityAt(now, keyType));
        const signature = signer.sign(bytes);
        expect(verifySignature(signer.publicKey, Buffer.from('the bytes to sigm'), signature)).to.equal(false);
        expect(verifySignature(other.publicKey, bytes, signature)).to.equal(false);
        for (const wrong of [signature.subarray(1), Buffer.concat([signature, Buffer.of(0)]), Buffer.alloc(0), Buffer.alloc(length), Buffer.alloc(513)]) {
          expect(verifySignature(signer.publicKey, bytes, wrong)).to.equal(false);
        }
        for (let bit = 0; bit < length * 8; bit += 37) {
          const flipped = Buffer.from(signature);
          flipped[bit >> 3]! ^= 1 << (bit & 7);
          expect(verifySignature(signer.publicKey, bytes, flipped), `bit ${bit}`).to.equal(false);
        }
      });
    });
  }

  it('takes one encoding of a signature only', () => {
    const [ecdsa, rsa] = [identities.get('ecdsa-p256')!, identities.get('rsa-2048')!].map(({ privateKeyPem }) => createPrivateKey(privateKeyPem));
    expect(verifySignature(signers.get('ecdsa-p256')!.publicKey, bytes, sign('sha256', bytes, { key: ecdsa!, dsaEncoding: 'der' }))).to.equal(false);
    expect(verifySignature(signers.get('rsa-2048')!.publicKey, bytes, sign('sha256', bytes, rsa!))).to.equal(false);
    const longSalt = sign('sha256', bytes, { key: rsa!, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 });
    expect(verifySignature(signers.get('rsa-2048')!.publicKey, bytes, longSalt)).to.equal(false);
  });

  it('refuses keys that are malformed, of another type or not on the curve', () => {
    const key = Buffer.from(signers.get('ecdsa-p256')!.publicKey);
    const offCurve = Buffer.from(key);
    offCurve[offCurve.length - 1]! ^= 1;
    expect(verifySignature(offCurve, bytes, Buffer.alloc(64))).to.equal(false);
    for (const wrong of [Buffer.alloc(0), key.subarray(1), Buffer.concat([key, Buffer.of(0)]), Buffer.alloc(601), Buffer.from('302a300506032b656e032100'.padEnd(88, '0'), 'hex')]) {
      expect(readSigningKey(wrong)).to.equal(undefined);
      expect(verifySignature(wrong, bytes, Buffer.alloc(64))).to.equal(false);
    }
  });

  it('never throws, whatever is said to be a key or a signature', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 700 }), fc.uint8Array({ maxLength: 600 }), (key, signature) => {
      expect(verifySignature(key, bytes, signature)).to.equal(false);
    }));
    const key = signers.get('rsa-2048')!.publicKey;
    fc.assert(fc.property(fc.nat({ max: key.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(key);
      changed[at]! ^= change;
      expect(verifySignature(changed, bytes, Buffer.alloc(256))).to.equal(false);
    }));
  });
});

describe('remembering verified signatures', () => {
  it('verifies each once, every failure anew, and again what it had to forget', () => {
    let asked = 0;
    const verify = rememberVerified((_key, _bytes, signature) => {
      asked += 1;
      return signature[0] === 1;
    }, 2);
    const good = (message: string): boolean => verify(Buffer.from('key'), Buffer.from(message), Buffer.of(1));
    for (const message of ['a', 'a', 'b', 'a']) expect(good(message)).to.equal(true);
    expect(asked).to.equal(2);
    for (let time = 0; time < 2; time++) expect(verify(Buffer.from('key'), Buffer.from('a'), Buffer.of(2))).to.equal(false);
    expect(asked).to.equal(4);
    good('c');
    good('b');
    expect(asked).to.equal(6);
  });

  it('tells key, signature and bytes apart wherever the borders lie', () => {
    const verify = rememberVerified((key) => key.length === 2, 10);
    expect(verify(Buffer.of(1, 2), Buffer.of(5), Buffer.of(3, 4))).to.equal(true);
    expect(verify(Buffer.of(1), Buffer.of(5), Buffer.of(2, 3, 4))).to.equal(false);
    expect(verify(Buffer.of(1, 2, 3), Buffer.of(5), Buffer.of(4))).to.equal(false);
    expect(verify(Buffer.of(1), Buffer.of(4, 5), Buffer.of(2, 3))).to.equal(false);
  });
});
