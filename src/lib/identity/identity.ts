import type { NodeId } from './node-id.js';

export const keyTypes = ['ed25519', 'ecdsa-p256', 'rsa-2048'] as const;
/** Key algorithms a node may have. `rsa-2048` also stands for loaded RSA keys of up to 4096 bits. */
export type KeyType = (typeof keyTypes)[number];

/** A node's own key pair and certificate, verified to belong together. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  readonly keyType: KeyType;
  /** PEM, exactly one certificate. */
  readonly certificatePem: string;
  /** PEM, PKCS#8. */
  readonly privateKeyPem: string;
}

/** What a peer's certificate proves about it. */
export interface PeerIdentity {
  readonly nodeId: NodeId;
  readonly keyType: KeyType;
  /** The certificate itself, DER. */
  readonly certificateDer: Uint8Array;
}
