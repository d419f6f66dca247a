import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionManager } from '../session/session.js';
import type { SideSockets } from '../transport/socket-group.js';
import type { OwnSide } from './punch-types.js';

/** What punching needs of the node around it. */
export interface PuncherComponents {
  readonly nodeId: NodeId;
  readonly sessions: Pick<SessionManager, 'list' | 'on' | 'handleNotify'>;
  readonly sides: SideSockets;
  /** What is known of this node now. */
  readonly own: () => OwnSide;
  /** Hosts at which others see the peer of a session, such as the relays between: they are asked. Never rejects. */
  readonly hostsOf: (session: Session) => Promise<readonly string[]>;
  /** Whether this node itself, or somebody else, has reached the peer at this address. */
  readonly isPeerHost: (nodeId: NodeId, host: string) => boolean;
  /** The outer address of a side socket; undefined where nobody tells it. */
  readonly outerAddress: (socket: number) => Promise<SocketAddress | undefined>;
  readonly clock: Clock;
  readonly random: RandomSource;
}
