import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { nodeIdToBytes, type NodeId } from '../identity/node-id.js';

/** Bytes of realm id, nonces and proofs. */
const tokenBytes = 32;

/** Says what the HMAC is for, so that the secret's use elsewhere can never yield a proof. */
const label = 'macula realm proof';

/** Id of a realm on the wire: SHA-256 of its name in UTF-8, exactly as configured. */
export function realmId(name: string): Uint8Array {
  return createHash('sha256').update(name, 'utf8').digest();
}

/** Everything a realm proof speaks about; both sides must see the same. */
export interface ProofContext {
  /** The realm's secret as configured; keys the HMAC with its UTF-8 bytes. */
  readonly secret: string;
  readonly realmId: Uint8Array;
  /** Ids proved by TLS, never ids from a message. */
  readonly clientId: NodeId;
  readonly serverId: NodeId;
  /** Fresh 32 random bytes of each side. */
  readonly clientNonce: Uint8Array;
  readonly serverNonce: Uint8Array;
  readonly version: number;
  readonly alpn: string;
}

/** Which side of the connection a proof is of: a proof of one role is worth nothing in the other. */
export type ProofRole = 'client' | 'server';

/**
 * Proof that a side holds the realm secret: HMAC-SHA256 over label, role, protocol version, ALPN, realm id, both
 * node ids and both nonces (docs/PROTOCOL.md). Bound to the ids that TLS proved, so a node in the middle cannot
 * pass it on.
 */
export function proveRealm(role: ProofRole, context: ProofContext): Uint8Array {
  const alpn = Buffer.from(context.alpn, 'utf8');
  const parts = [
    Buffer.from(label, 'latin1'),
    Buffer.of(0, role === 'client' ? 1 : 2, context.version, alpn.length),
    alpn,
    context.realmId,
    nodeIdToBytes(context.clientId),
    nodeIdToBytes(context.serverId),
    context.clientNonce,
    context.serverNonce,
  ];
  for (const part of parts.slice(3)) {
    if (part.length !== tokenBytes) throw new RangeError(`realm proof over a part of ${part.length} bytes instead of ${tokenBytes}`);
  }
  return createHmac('sha256', Buffer.from(context.secret, 'utf8')).update(Buffer.concat(parts)).digest();
}

/** Whether `proof` is the proof of that role. Takes the same time wherever a wrong proof differs. */
export function verifyRealmProof(role: ProofRole, context: ProofContext, proof: Uint8Array): boolean {
  if (proof.length !== tokenBytes) return false;
  return timingSafeEqual(proveRealm(role, context), proof);
}
