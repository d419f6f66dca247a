import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { SessionManager } from '../session/session.js';
import type { RelayTransport } from '../transport/relay-transport.js';

/** What relaying needs of the node around it. */
export interface RelayPorts {
  readonly nodeId: NodeId;
  readonly sessions: Pick<SessionManager, 'get' | 'list' | 'on' | 'handle' | 'handleNotify'>;
  readonly transport: RelayTransport;
  /** On behalf of `owner`, the connections to these nodes are to be kept until its next call. */
  readonly keep: (owner: string, nodeIds: Iterable<NodeId>) => void;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}
