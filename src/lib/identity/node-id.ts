import { createHash } from 'node:crypto';

/** A node's id: SHA-256 over the subjectPublicKey bit string of its certificate, as 64 lower-case hex characters. */
export type NodeId = string;

export const nodeIdBytes = 32;

/** The id that belongs to the bytes of a certificate's `subjectPublicKey` bit string. */
export function nodeIdOf(subjectPublicKey: Uint8Array): NodeId {
  return createHash('sha256').update(subjectPublicKey).digest('hex');
}

/** The id if the text is one (upper case accepted), otherwise undefined. */
export function parseNodeId(text: string): NodeId | undefined {
  return /^[0-9a-fA-F]{64}$/.test(text) ? text.toLowerCase() : undefined;
}

/** The 32 bytes of an id, as they travel on the wire. */
export function nodeIdToBytes(nodeId: NodeId): Uint8Array {
  return Buffer.from(nodeId, 'hex');
}

/** The inverse of {@link nodeIdToBytes}; undefined unless it is exactly 32 bytes. */
export function nodeIdFromBytes(bytes: Uint8Array): NodeId | undefined {
  if (bytes.length !== nodeIdBytes) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** The first 8 characters, for people. */
export function shortNodeId(nodeId: NodeId): string {
  return nodeId.slice(0, 8);
}
