import { createHash } from 'node:crypto';
import { nodeIdOf } from '../../src/lib/identity/node-id.js';
import type { Signer, VerifySignature } from '../../src/lib/identity/signing.js';

/** AlgorithmIdentifier and bit string header of an Ed25519 key (RFC 8410 §4). */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

const fakeSignature = (publicKey: Uint8Array, bytes: Uint8Array): Buffer => createHash('sha256').update(publicKey).update(bytes).digest();

/**
 * A signer without a private key, for tests and simulations: its public key is well formed, so its node id is the real
 * one for it, and anybody could sign like it. Equal seeds give equal signers.
 */
export function fakeSigner(seed: string | number): Signer {
  const subjectPublicKey = createHash('sha256').update(`fake signer ${seed}`).digest();
  const publicKey = Buffer.concat([ed25519Prefix, subjectPublicKey]);
  return { nodeId: nodeIdOf(subjectPublicKey), publicKey, sign: (bytes) => fakeSignature(publicKey, bytes) };
}

/** Verifies what fake signers make. */
export const fakeVerify: VerifySignature = (publicKey, bytes, signature) => Buffer.compare(fakeSignature(publicKey, bytes), signature) === 0;
