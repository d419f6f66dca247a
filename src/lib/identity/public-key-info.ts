import { DerError, DerReader, DerTag } from './der.js';
import type { KeyType } from './identity.js';

/** A public key as a certificate carries it. */
export interface PublicKeyInfo {
  readonly keyType: KeyType;
  /** Size of an RSA modulus in bits; 256 for the curves. */
  readonly bits: number;
  /** Bytes of the subjectPublicKey bit string, without the octet that counts unused bits. */
  readonly subjectPublicKey: Uint8Array;
}

/** Smallest RSA modulus still thought safe to 2030 and beyond (NIST SP 800-57 part 1, table 2). */
export const minRsaBits = 2048;
/** Largest RSA modulus: verifying costs its square, and strangers choose it. */
export const maxRsaBits = 4096;
/** Largest RSA public exponent, in bytes: verifying costs its length, and every usual one is 65537. */
const maxExponentBytes = 4;

const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');
/** AlgorithmIdentifiers of the keys allowed: RFC 8410 §3, RFC 5480 §2.1.1.1 (named curve only), RFC 3279 §2.3.1. */
const algorithms: readonly (readonly [KeyType, Uint8Array])[] = [
  ['ed25519', hex('300506032b6570')],
  ['ecdsa-p256', hex('301306072a8648ce3d020106082a8648ce3d030107')],
  ['rsa-2048', hex('300d06092a864886f70d0101010500')],
];

function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function readPositiveInteger(reader: DerReader, last: boolean): Uint8Array {
  const { content } = last ? reader.readLast(DerTag.integer) : reader.read(DerTag.integer);
  const [first, second] = content;
  if (first === undefined || first >= 0x80) throw new DerError('a number of its RSA key is not positive');
  if (first > 0) return content;
  if (second === undefined || second < 0x80) throw new DerError('a number of its RSA key is not in its shortest form');
  return content.subarray(1);
}

/** Bits of the modulus. @throws DerError */
function rsaBits(subjectPublicKey: Uint8Array): number {
  const numbers = new DerReader(new DerReader(subjectPublicKey).readLast(DerTag.sequence).content);
  const modulus = readPositiveInteger(numbers, false);
  const exponent = readPositiveInteger(numbers, true);
  const bits = modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
  if (bits < minRsaBits || bits > maxRsaBits) throw new DerError(`its RSA key has ${bits} bits; ${minRsaBits} to ${maxRsaBits} are allowed`);
  if (exponent.length > maxExponentBytes) throw new DerError('the exponent of its RSA key is too large');
  return bits;
}

function checkLength(subjectPublicKey: Uint8Array, length: number, name: string): number {
  if (subjectPublicKey.length !== length) throw new DerError(`its ${name} key is malformed`);
  return 256;
}

/**
 * Reads a DER SubjectPublicKeyInfo and holds it to the allowed key types: Ed25519, ECDSA P-256 (uncompressed, the
 * only form TLS knows), RSA of 2048 to 4096 bits. Each key has exactly one accepted encoding, hence one node id.
 * @throws DerError naming what is not allowed
 */
export function readPublicKeyInfo(der: Uint8Array): PublicKeyInfo {
  const info = new DerReader(new DerReader(der).readLast(DerTag.sequence).content);
  const algorithm = info.read(DerTag.sequence).encoding;
  const bitString = info.readLast(DerTag.bitString).content;
  const keyType = algorithms.find(([, encoding]) => bytesEqual(encoding, algorithm))?.[0];
  if (keyType === undefined) throw new DerError('its key is neither Ed25519 nor ECDSA P-256 nor RSA');
  if (bitString[0] !== 0) throw new DerError('its key is malformed');
  const subjectPublicKey = bitString.subarray(1);
  switch (keyType) {
    case 'ed25519':
      return { keyType, subjectPublicKey, bits: checkLength(subjectPublicKey, 32, 'Ed25519') };
    case 'ecdsa-p256':
      if (subjectPublicKey[0] !== 0x04) throw new DerError('its ECDSA key is not in uncompressed form');
      return { keyType, subjectPublicKey, bits: checkLength(subjectPublicKey, 65, 'ECDSA P-256') };
    case 'rsa-2048':
      return { keyType, subjectPublicKey, bits: rsaBits(subjectPublicKey) };
  }
}
