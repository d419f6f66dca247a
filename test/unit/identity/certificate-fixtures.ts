import 'reflect-metadata';
import { X509Certificate, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { systemRandom } from '../../../src/lib/base/random.js';
import { generateIdentity } from '../../../src/lib/identity/certificate.js';
import type { KeyType, NodeIdentity } from '../../../src/lib/identity/identity.js';
import { VirtualClock } from '../../support/virtual-clock.js';

/** The moment the tests of this room happen at. */
export const now = Date.UTC(2026, 5, 1, 12);

export const identityAt = (wallMs: number, keyType: KeyType = 'ed25519'): Promise<NodeIdentity> =>
  generateIdentity(keyType, { clock: new VirtualClock(wallMs), random: systemRandom });

export const derOf = (identity: NodeIdentity): Buffer => new X509Certificate(identity.certificatePem).raw;

type Algorithm = webcrypto.AlgorithmIdentifier & { name: string; hash?: string };

export const newPair = (algorithm: object): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm as webcrypto.EcKeyGenParams, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;

export const { KeyUsageFlags } = x509;

export const rsa = (modulusLength: number, hash = 'SHA-256', name = 'RSASSA-PKCS1-v1_5'): object => ({
  name,
  hash,
  modulusLength,
  publicExponent: new Uint8Array([1, 0, 1]),
});

/** A certificate that our own generator would never make. */
export async function oddCertificate(algorithm: object, signer?: webcrypto.CryptoKeyPair, keyUsage?: x509.KeyUsageFlags): Promise<Buffer> {
  const pair = await newPair(algorithm);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=odd',
    issuer: 'CN=odd',
    notBefore: new Date(now - 1000),
    notAfter: new Date(now + 1000),
    signingAlgorithm: algorithm as Algorithm,
    publicKey: pair.publicKey,
    signingKey: (signer ?? pair).privateKey,
    extensions: keyUsage === undefined ? [] : [new x509.BasicConstraintsExtension(true), new x509.KeyUsagesExtension(keyUsage)],
  });
  return Buffer.from(certificate.rawData);
}
