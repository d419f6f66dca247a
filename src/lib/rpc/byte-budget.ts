import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';

/** One peer may use up half of what all may, so that it cannot keep the others out. */
const peerShare = 0.5;

/** Bounds what all streams together hold of their peers: unfinished messages, large bodies, values nobody has taken yet. */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #byPeer = new Map<NodeId, number>();
  #bytes = 0;

  /** @param maxBytes of all peers together; half for one */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Accounts for one stream of the peer. */
  open(nodeId: NodeId): BudgetShare {
    let held = 0;
    return {
      set: (bytes) => {
        if (bytes === held) return;
        const ofPeer = (this.#byPeer.get(nodeId) ?? 0) + bytes - held;
        this.#bytes += bytes - held;
        const grown = bytes > held;
        held = bytes;
        if (ofPeer === 0) this.#byPeer.delete(nodeId);
        else this.#byPeer.set(nodeId, ofPeer);
        if (grown && (this.#bytes > this.#maxBytes || ofPeer > this.#maxBytes * peerShare)) throw this.#exceeded();
      },
    };
  }

  #exceeded(): MaculaError {
    return new MaculaError('MACULA_OVERLOADED', 'streams hold as much as they may', { details: { limit: 'rpcBufferBytes', value: this.#maxBytes, retryAfterMs: 100 } });
  }
}

/** What one stream holds. */
export interface BudgetShare {
  /** It holds so many bytes from now on. @throws MaculaError MACULA_OVERLOADED where that is too much; it counts all the same until it is set anew */
  set(bytes: number): void;
}
