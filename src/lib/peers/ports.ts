import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { Pins } from '../identity/pins.js';
import type { SessionManager } from '../session/session.js';
import type { LocalAddresses } from './local-addresses.js';
import type { PeerBook } from './peer-book.js';

/** Turns a host name into addresses. */
export interface HostResolver {
  /** All IP addresses of the host, of both families, as literals; a literal resolves to itself. Rejects when there is none. */
  resolve(host: string): Promise<readonly string[]>;
}

/** What peers need of the node around them. */
export interface PeersComponents {
  readonly nodeId: NodeId;
  readonly sessions: SessionManager;
  readonly book: PeerBook;
  readonly pins: Pick<Pins, 'check' | 'pinned' | 'pin' | 'isDenied'>;
  readonly resolver: HostResolver;
  readonly localAddresses: Pick<LocalAddresses, 'observe'>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}
