import { constants, createHash, createPrivateKey, createPublicKey, sign, verify, type KeyObject, type SignKeyObjectInput } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { DerError } from './der.js';
import type { KeyType, NodeIdentity } from './identity.js';
import { nodeIdOf, type NodeId } from './node-id.js';
import { readPublicKeyInfo } from './public-key-info.js';

/** Signs with a node's own key. */
export interface Signer {
  readonly nodeId: NodeId;
  /** DER SubjectPublicKeyInfo; hashes to `nodeId` as {@link readSigningKey} says. */
  readonly publicKey: Uint8Array;
  sign(bytes: Uint8Array): Uint8Array;
}

/** Whether the signature over the bytes is by the holder of the public key (DER SubjectPublicKeyInfo). */
export type VerifySignature = (publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => boolean;

/** Most bytes of a public key of an allowed type: RSA of 4096 bits. */
export const maxPublicKeyBytes = 600;
/** Most bytes of a signature: RSA of 4096 bits. */
export const maxSignatureBytes = 512;

/** Bytes of the salt: as many as of the hash, the usual choice (RFC 8017 §9.1) and the only one of TLS 1.3. */
const saltBytes = 32;

/** Hash, and how a key of this type signs. */
function schemeOf(keyType: KeyType, key: KeyObject): [string | null, KeyObject | SignKeyObjectInput] {
  switch (keyType) {
    case 'ed25519':
      return [null, key];
    case 'ecdsa-p256':
      return ['sha256', { key, dsaEncoding: 'ieee-p1363' }];
    case 'rsa-2048':
      return ['sha256', { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: saltBytes }];
  }
}

/**
 * A signer with the node's key: Ed25519 (RFC 8032), ECDSA P-256 with SHA-256 written as r and s of 32 bytes each
 * (IEEE P1363), or RSASSA-PSS with SHA-256, MGF1 of it and 32 bytes of salt (RFC 8017).
 */
export function createSigner(identity: Pick<NodeIdentity, 'nodeId' | 'keyType' | 'privateKeyPem'>): Signer {
  const [hash, key] = schemeOf(identity.keyType, createPrivateKey(identity.privateKeyPem));
  const publicKey = createPublicKey(identity.privateKeyPem).export({ type: 'spki', format: 'der' });
  return { nodeId: identity.nodeId, publicKey, sign: (bytes) => sign(hash, bytes, key) };
}

/** The node whose key this is. */
export interface SigningKey {
  readonly nodeId: NodeId;
  readonly keyType: KeyType;
}

/** Reads a DER SubjectPublicKeyInfo by the rules for certificates; undefined if it is malformed or not allowed. */
export function readSigningKey(publicKey: Uint8Array): SigningKey | undefined {
  if (publicKey.length > maxPublicKeyBytes) return undefined;
  try {
    const { keyType, subjectPublicKey } = readPublicKeyInfo(publicKey);
    return { keyType, nodeId: nodeIdOf(subjectPublicKey) };
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

/** Parsing a key costs as much as verifying with it (115 µs each on the machine measured), and what one node signed comes often. */
const parsedKeys = new LRUCache<string, { keyType: KeyType; key: KeyObject }>({ max: 256 });

function parsedKey(publicKey: Uint8Array): { keyType: KeyType; key: KeyObject } | undefined {
  const name = Buffer.from(publicKey.buffer, publicKey.byteOffset, publicKey.length).toString('latin1');
  const known = parsedKeys.get(name);
  if (known !== undefined) return known;
  const keyType = readSigningKey(publicKey)?.keyType;
  if (keyType === undefined) return undefined;
  const parsed = { keyType, key: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }) };
  parsedKeys.set(name, parsed);
  return parsed;
}

/** Verifies what a {@link Signer} made; false for a malformed key or signature, whatever the bytes. */
export const verifySignature: VerifySignature = (publicKey, bytes, signature) => {
  if (signature.length > maxSignatureBytes) return false;
  try {
    const parsed = parsedKey(publicKey);
    if (parsed === undefined) return false;
    const [hash, key] = schemeOf(parsed.keyType, parsed.key);
    return verify(hash, bytes, key, signature);
  } catch {
    // OpenSSL throws on points that are not on the curve and the like.
    return false;
  }
};

/**
 * Verifies each signature once: whatever verified is remembered by its hash, which costs 2 µs instead of 115 to look up.
 * The DHT meets every record several times: from each replica that is read, and again whenever it is replicated.
 * @param maxRemembered signatures remembered, those used last
 */
export function rememberVerified(verify: VerifySignature, maxRemembered: number): VerifySignature {
  const verified = new LRUCache<string, true>({ max: maxRemembered });
  return (publicKey, bytes, signature) => {
    // The lengths keep bytes from counting as part of a neighbour.
    const lengths = Buffer.alloc(8);
    lengths.writeUInt32BE(publicKey.length, 0);
    lengths.writeUInt32BE(signature.length, 4);
    const name = createHash('sha256').update(lengths).update(publicKey).update(signature).update(bytes).digest('base64');
    if (verified.get(name) === true) return true;
    if (!verify(publicKey, bytes, signature)) return false;
    verified.set(name, true);
    return true;
  };
}
