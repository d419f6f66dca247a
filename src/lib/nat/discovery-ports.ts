import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { KeyValue } from '../base/key-value.js';
import type { Logger } from '../base/logger.js';
import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import type { SessionManager } from '../session/session.js';
import type { StunPort } from '../transport/stun-port.js';
import type { UdpSocketFactory } from '../transport/udp-socket.js';

/** What NAT discovery needs of the node around it. */
export interface NatDiscoveryComponents {
  readonly stun: StunPort;
  /** UDP port of the node. */
  readonly port: () => number;
  readonly sessions: Pick<SessionManager, 'handle' | 'list' | 'on'>;
  /** Whether a connected peer is reached by everybody, as far as is known; one that needs relays is not. */
  readonly isReachable: (nodeId: NodeId) => boolean;
  /** IP addresses of this machine's interfaces. */
  readonly localHosts: () => readonly string[];
  /** Addresses worth asking where no peer is connected: those the node was given to join by, and its STUN servers. */
  readonly servers: (signal: AbortSignal) => Promise<readonly SocketAddress[]>;
  /** The address packets to a server leave from, where it can be told. */
  readonly sourceAddress: (server: SocketAddress) => Promise<string | undefined>;
  readonly openSocket: UdpSocketFactory;
  /** Holds the last finding across restarts. */
  readonly store: KeyValue<unknown>;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly logger: Logger;
}
