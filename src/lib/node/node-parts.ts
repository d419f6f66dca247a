import { MaculaError } from '../base/errors.js';
import type { Dht } from '../dht/dht.js';
import type { NodeIdentity } from '../identity/identity.js';
import type { Pins } from '../identity/pins.js';
import type { PeerRelays } from '../nat/peer-relays.js';
import type { PortMapper } from '../nat/port-mapper.js';
import type { PunchHistory } from '../nat/punch-history.js';
import type { Puncher } from '../nat/puncher.js';
import type { RelayClient } from '../nat/relay-client.js';
import type { RelayDialler } from '../nat/relay-dialler.js';
import type { RelayEnds } from '../nat/relay-ends.js';
import type { RelayServer } from '../nat/relay-server.js';
import type { HttpListener } from '../observability/http-listener.js';
import type { LocalAddresses } from '../peers/local-addresses.js';
import type { PeerBook } from '../peers/peer-book.js';
import type { Peers } from '../peers/peers.js';
import type { ConnectionPool } from '../pool/connection-pool.js';
import type { PubSub } from '../pubsub/pubsub.js';
import type { SessionManager } from '../session/session.js';
import type { Rpc } from '../rpc/rpc.js';
import type { Store } from '../store/store.js';
import type { Endpoint } from '../transport/endpoint.js';
import type { RelayTransport } from '../transport/relay-transport.js';
import type { HostWatch } from './host-watch.js';
import { ReasonCounter, refusalReasons } from './reason-counter.js';
import type { SideSockets } from '../transport/socket-group.js';
import type { StunTransport } from '../transport/stun-port.js';
import type { NatDiscovery } from '../nat/nat-discovery.js';

/**
 * The subsystems of a node that run now. A restart puts new ones in place, so whoever needs one asks for it each time and
 * keeps none.
 */
export class NodeParts {
  identity: NodeIdentity | undefined;
  store: Store | undefined;
  pins: Pins | undefined;
  endpoint: (Endpoint & RelayTransport & SideSockets & StunTransport) | undefined;
  localAddresses: LocalAddresses | undefined;
  sessions: SessionManager | undefined;
  relayServer: RelayServer | undefined;
  relayEnds: RelayEnds | undefined;
  relayDialler: RelayDialler | undefined;
  peerRelays: PeerRelays | undefined;
  nat: NatDiscovery | undefined;
  portMapper: PortMapper | undefined;
  pool: ConnectionPool | undefined;
  dht: Dht | undefined;
  rpc: Rpc | undefined;
  /** Addresses of every node heard of. */
  peerBook: PeerBook | undefined;
  peers: Peers | undefined;
  pubsub: PubSub | undefined;
  relayClient: RelayClient | undefined;
  puncher: Puncher | undefined;
  punchHistory: PunchHistory | undefined;
  listener: HttpListener | undefined;
  host: HostWatch | undefined;
  /** Connections that did not become sessions. Outlives restarts, as counters do. */
  readonly refusals = new ReasonCounter(refusalReasons);
  /** Restarts by subsystem. */
  readonly restarts = new ReasonCounter([]);

  /** The part of that name. @throws MaculaError MACULA_NO_NODE while it does not run */
  running<Name extends keyof NodeParts>(name: Name): NonNullable<NodeParts[Name]> {
    const part = this[name];
    if (part === undefined) throw new MaculaError('MACULA_NO_NODE', 'the node is not running', { details: { missing: name } });
    return part as NonNullable<NodeParts[Name]>;
  }
}
