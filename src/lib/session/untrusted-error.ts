import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';

/** The operator of this node marked the peer untrusted: nothing is asked of it. */
export function untrustedError(nodeId: NodeId): MaculaError {
  return new MaculaError('MACULA_PEER_UNTRUSTED', `${nodeId} was marked untrusted`, { details: { nodeId }, hint: `Allow it again with \`macula peers trust ${nodeId}\`.` });
}
