import 'reflect-metadata';
import { createPrivateKey, createPublicKey, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { systemClock } from '../../src/lib/base/clock.js';
import { systemRandom } from '../../src/lib/base/random.js';
import { generateIdentity } from '../../src/lib/identity/certificate.js';
import type { NodeIdentity } from '../../src/lib/identity/identity.js';
import { VirtualClock } from './virtual-clock.js';

const algorithm = { name: 'Ed25519' };
const yearMs = 366 * 24 * 3_600_000;

export function newIdentity(): Promise<NodeIdentity> {
  return generateIdentity('ed25519', { clock: systemClock, random: systemRandom });
}

/** A key with a certificate of ten years that was made eleven years ago. */
export function expiredIdentity(): Promise<NodeIdentity> {
  return generateIdentity('ed25519', { clock: new VirtualClock(systemClock.wallMs() - 11 * yearMs), random: systemRandom });
}

/** A key with a certificate for it that another key has signed. */
export async function foreignSignedIdentity(): Promise<NodeIdentity> {
  const [own, signer] = await Promise.all([newIdentity(), newIdentity()]);
  const { subtle } = webcrypto;
  const spki = createPublicKey(own.privateKeyPem).export({ type: 'spki', format: 'der' });
  const pkcs8 = createPrivateKey(signer.privateKeyPem).export({ type: 'pkcs8', format: 'der' });
  const wallMs = systemClock.wallMs();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=odd',
    issuer: 'CN=odd',
    notBefore: new Date(wallMs - yearMs),
    notAfter: new Date(wallMs + yearMs),
    signingAlgorithm: algorithm,
    publicKey: await subtle.importKey('spki', spki, algorithm, true, ['verify']),
    signingKey: await subtle.importKey('pkcs8', pkcs8, algorithm, false, ['sign']),
  });
  return { ...own, certificatePem: `${certificate.toString('pem')}\n` };
}
