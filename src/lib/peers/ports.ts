import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { Pins } from '../identity/pins.js';
import type { Session, SessionManager } from '../session/session.js';
import type { LocalAddresses } from './local-addresses.js';
import type { PeerBook } from './peer-book.js';

/** Turns a host name into addresses. */
export interface HostResolver {
  /** All IP addresses of the host, of both families, as literals; a literal resolves to itself. Rejects when there is none. */
  resolve(host: string): Promise<readonly string[]>;
}

/** Ways to a node besides the addresses known of it: what others know of it, and relays. */
export interface OtherWays {
  /**
   * Connects to a node and resolves with the admitted session.
   * @param mayLookUp whether others may be asked where it is; relays known of it are tried in any case
   * @throws MaculaError MACULA_UNREACHABLE when there is no other way, and as SessionManager.dial
   */
  dial(nodeId: NodeId, options: { mayLookUp: boolean; signal: AbortSignal }): Promise<Session>;
}

/** What peers need of the node around them. */
export interface PeersComponents {
  readonly nodeId: NodeId;
  readonly sessions: SessionManager;
  readonly book: PeerBook;
  readonly pins: Pick<Pins, 'check' | 'pinned' | 'pin' | 'isDenied'>;
  readonly resolver: HostResolver;
  /** Absent: a node is reached by its addresses or not at all. */
  readonly otherWays?: OtherWays;
  readonly localAddresses: Pick<LocalAddresses, 'observe'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}
