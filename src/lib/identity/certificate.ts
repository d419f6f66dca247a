import { createPublicKey, generateKeyPair, webcrypto, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type * as X509 from '@peculiar/x509';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { KeyType, NodeIdentity } from './identity.js';
import { nodeIdOf, shortNodeId } from './node-id.js';
import { readPublicKeyInfo } from './public-key-info.js';

export interface CertificateComponents {
  readonly clock: Clock;
  /** For serial numbers; keys always come from the cryptographic library. */
  readonly random: RandomSource;
}

/** Calendar years a certificate is valid: longer than machines live, as nobody is there to renew it. */
const validityYears = 10;
/** Validity begins a day ago, so that nodes whose clocks are behind by hours, or set to local time, accept it. */
const backdatingMs = 24 * 60 * 60 * 1000;
/** Below the limit of 20 octets (RFC 5280 §4.1.2.2), above any risk of two alike. */
const serialBytes = 16;

const generate = promisify(generateKeyPair) as unknown as (type: string, options?: object) => Promise<{ privateKey: KeyObject }>;

const generators: Readonly<Record<KeyType, () => Promise<{ privateKey: KeyObject }>>> = {
  ed25519: () => generate('ed25519'),
  'ecdsa-p256': () => generate('ec', { namedCurve: 'prime256v1' }),
  'rsa-2048': () => generate('rsa', { modulusLength: 2048 }),
};

const signing: Readonly<Record<KeyType, webcrypto.AlgorithmIdentifier & object>> = {
  ed25519: { name: 'Ed25519' },
  'ecdsa-p256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as webcrypto.Algorithm,
  'rsa-2048': { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as webcrypto.Algorithm,
};

function positiveSerial(random: RandomSource): string {
  const bytes = Buffer.from(random.bytes(serialBytes));
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function yearsLater(wallMs: number, years: number): Date {
  const date = new Date(wallMs);
  date.setUTCFullYear(date.getUTCFullYear() + years);
  return date;
}

async function importPair(privateKey: KeyObject, publicKeyDer: Buffer, keyType: KeyType): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const pkcs8 = privateKey.export({ type: 'pkcs8', format: 'der' });
  return {
    privateKey: await subtle.importKey('pkcs8', pkcs8, signing[keyType], false, ['sign']),
    publicKey: await subtle.importKey('spki', publicKeyDer, signing[keyType], true, ['verify']),
  };
}

/** Loaded only here and only when a certificate is made: the library costs 0.15 s to import. */
async function loadX509(): Promise<typeof X509> {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/**
 * A new self-signed certificate (X.509 v3, ten years, localhost) for a private key of an allowed type. The node id
 * depends on the key alone, so a new certificate for an old key keeps it. Nothing is written.
 */
export async function certify(privateKey: KeyObject, components: CertificateComponents): Promise<NodeIdentity> {
  const publicKeyDer = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const { keyType, subjectPublicKey } = readPublicKeyInfo(publicKeyDer);
  const nodeId = nodeIdOf(subjectPublicKey);
  const nowMs = components.clock.wallMs();
  const x509 = await loadX509();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: positiveSerial(components.random),
    name: `CN=macula-node-${shortNodeId(nodeId)}`,
    notBefore: new Date(nowMs - backdatingMs),
    notAfter: yearsLater(nowMs, validityYears),
    signingAlgorithm: signing[keyType],
    keys: await importPair(privateKey, publicKeyDer, keyType),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
    ],
  });
  return {
    nodeId,
    keyType,
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A new key pair with its self-signed certificate; nothing is written. */
export async function generateIdentity(keyType: KeyType, components: CertificateComponents): Promise<NodeIdentity> {
  const { privateKey } = await generators[keyType]();
  return certify(privateKey, components);
}
