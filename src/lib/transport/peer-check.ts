import { MaculaError } from '../base/errors.js';
import type { PeerIdentity } from '../identity/identity.js';
import { shortNodeId, type NodeId } from '../identity/node-id.js';
import { CloseCode } from './endpoint.js';
import { applicationProtocol } from './quic-config.js';
import type { QuicheConnection } from './quiche-binding.js';

/** Whether the peer of a completed handshake may go on to admission. */
export type PeerVerdict =
  | { readonly kind: 'accepted'; readonly peer: PeerIdentity }
  | {
      readonly kind: 'refused';
      readonly code: number;
      readonly error: MaculaError;
      /** Whether the rest of our handshake, our certificate included, is to be withheld. */
      readonly atOnce: boolean;
    };

export type PeerCheck = (native: QuicheConnection) => PeerVerdict;

/** Checks a certificate chain, DER each. @throws MaculaError MACULA_CERTIFICATE_INVALID, MACULA_CERTIFICATE_EXPIRED */
export type VerifyPeer = (chain: readonly Uint8Array[]) => PeerIdentity;

function refused(code: number, error: MaculaError, atOnce = false): PeerVerdict {
  return { kind: 'refused', code, error, atOnce };
}

function nothingWrong(native: QuicheConnection): PeerVerdict | undefined {
  // A resumed session can show the certificate of somebody else (SECURITY.md).
  if (native.isResumed()) {
    return refused(CloseCode.resumedSession, new MaculaError('MACULA_CERTIFICATE_INVALID', 'the TLS session was resumed, which proves nothing'));
  }
  if (Buffer.from(native.applicationProto()).toString('latin1') !== applicationProtocol) {
    return refused(CloseCode.versionMismatch, new MaculaError('MACULA_PEER_REFUSED', `the peer does not speak ${applicationProtocol}`));
  }
  return undefined;
}

/**
 * The check made on every connection right after its handshake.
 * @param ownId our id: reaching ourselves is refused
 * @param expectedId the id dialled, where one was
 */
export function createPeerCheck(verifyPeer: VerifyPeer, ownId: NodeId, expectedId?: NodeId): PeerCheck {
  return (native) => {
    const problem = nothingWrong(native);
    if (problem) return problem;
    let peer: PeerIdentity;
    try {
      peer = verifyPeer(native.peerCertChain() ?? []);
    } catch (error) {
      return refused(CloseCode.certificateRefused, MaculaError.from(error));
    }
    const { nodeId } = peer;
    if (nodeId === ownId) {
      return refused(CloseCode.normal, new MaculaError('MACULA_SELF_DIAL', 'the address leads back to this node itself'), true);
    }
    if (expectedId !== undefined && nodeId !== expectedId) {
      const message = `the node reached is ${shortNodeId(nodeId)}, not ${shortNodeId(expectedId)}`;
      return refused(CloseCode.idMismatch, new MaculaError('MACULA_ID_MISMATCH', message, { details: { nodeId, expectedId } }), true);
    }
    return { kind: 'accepted', peer };
  };
}
