import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionManager } from '../session/session.js';
import type { RelayHint } from '../wire/peer-record.js';

/** Where nodes are thought to be. */
export interface AddressBook {
  /** Addresses of a node, likeliest first; none when nothing is known of it. */
  resolve(nodeId: NodeId): Promise<readonly SocketAddress[]>;
}

/** Ways to a node besides its addresses. */
export interface OtherWays {
  /** Relays it is reachable through. */
  readonly relays: readonly RelayHint[];
  /** Whether to ask others where it is when what is known does not lead there. */
  readonly mayLookUp: boolean;
}

/** Reaches a node by any of its addresses, and by other ways. */
export interface PeerDialler {
  /** Whether it can find nodes of which no address is known. */
  readonly looksUp?: boolean;
  /**
   * Resolves with the admitted session; aborting the signal ends the dial.
   * @throws MaculaError as SessionManager.dial
   */
  dial(nodeId: NodeId, addresses: readonly SocketAddress[], signal: AbortSignal, ways: OtherWays): Promise<Session>;
}

/** What the pool needs of the node around it. */
export interface PoolComponents {
  readonly nodeId: NodeId;
  readonly sessions: Pick<SessionManager, 'get' | 'list' | 'on' | 'handle'>;
  readonly dialler: PeerDialler;
  readonly addressBook: AddressBook;
  /** Whether the operator marked this peer untrusted: then nothing is dialled, and the peer is not to blame. */
  readonly isDenied?: (nodeId: NodeId) => boolean;
  readonly clock: Clock;
  readonly random: RandomSource;
}
