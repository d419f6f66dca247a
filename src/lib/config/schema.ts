import { logLevels } from '../base/logger.js';
import { duration, flag, integer, list, oneOf, ratio, size, text, type Setting } from './setting.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const second = 1000;
const minute = 60 * second;

/**
 * Every setting of a node: the only home of names, types, ranges, defaults and reasons. The key `quicPort` is
 * the environment variable MACULA_QUIC_PORT and the key of the configuration file.
 */
export const settings = {
  quicPort: integer(0, 65_535, { default: 4433, group: 'node', flag: 'port', about: 'UDP port for everything between nodes; 0 takes any free one.', why: 'The port Macula always had.' }),
  host: text(255, { default: '', group: 'node', flag: 'host', about: 'IP address to bind; empty means all interfaces, IPv6 and IPv4.', why: 'A node should be reachable without configuration.' }),
  realm: text(255, { default: 'macula', group: 'node', flag: 'realm', about: 'Name of the mesh; nodes of different realms never admit each other.', why: 'Nodes started with no configuration belong together.' }),
  realmSecret: text(1024, { default: '', group: 'node', secret: true, about: 'Secret of a closed realm; empty means an open realm.', why: 'A secret cannot have a useful default; `macula realm secret` prints one.' }),
  bootstrapUrl: list(64, { default: [], group: 'node', flag: 'bootstrap', about: 'Nodes to join through: https://host:4433 or macula://<node-id>@host:4433.', why: 'A first node has nobody to join; others find it by multicast DNS or by this list.' }),
  dataDir: text(4096, { default: '', group: 'node', flag: 'data-dir', about: 'Directory of identity, store and control socket; empty means /var/lib/macula for root, otherwise $XDG_DATA_HOME/macula.', why: 'Where each system keeps such data.' }),
  socket: text(4096, { default: '', group: 'node', flag: 'socket', about: 'Path of the control socket; empty means control.sock in the data directory.', why: 'Next to the data of the node it controls.' }),
  advertise: list(16, { default: [], group: 'node', flag: 'advertise', about: 'Addresses (host:port) to tell other nodes instead of those of the interfaces.', why: 'Interfaces are right except behind port forwarding.' }),

  certPath: text(4096, { default: '', group: 'identity', about: 'Certificate file; empty means cert.pem in the data directory.', why: 'Next to the rest of the identity.' }),
  keyPath: text(4096, { default: '', group: 'identity', about: 'Private key file; empty means key.pem in the data directory.', why: 'Next to the rest of the identity.' }),
  keyType: oneOf(['ed25519', 'ecdsa-p256', 'rsa-2048'], { default: 'ed25519', group: 'identity', about: 'Algorithm of a newly generated key.', why: 'Smallest certificates and cheapest handshakes.' }),

  udpPayloadBytes: integer(0, 65_000, { default: 0, group: 'transport', about: 'Largest UDP payload sent; 0 chooses by path: 16384 on loopback, otherwise 1200.', why: 'QUIC demands that every path carries 1200 bytes; loopback carries more and is five times faster for it.' }),
  idleTimeoutMs: duration(5 * second, 10 * minute, { default: 45 * second, group: 'transport', about: 'A connection on which nothing was heard this long is dead.', why: 'Three missed keepalives; a shorter blackout is survived.' }),
  handshakeTimeoutMs: duration(second, minute, { default: 10 * second, group: 'transport', about: 'Time for handshake and admission together.', why: 'Long enough at 30 % loss, short enough to free half-open state.' }),
  dialTimeoutMs: duration(second, 5 * minute, { default: 10 * second, group: 'transport', about: 'Time a dial may take until the peer is admitted.', why: 'As long as the other side keeps a half-open connection.' }),
  maxConnections: integer(1, 100_000, { default: 1000, group: 'transport', about: 'Connections in all.', why: 'About 60 MB at 60 KB each.' }),
  maxConnectionsPerPeer: integer(1, 64, { default: 8, group: 'transport', about: 'Connections of one peer while duplicates settle.', why: 'Simultaneous dials over several addresses.' }),
  maxConnectionsPerPrefix: integer(1, 100_000, { default: 100, group: 'transport', about: 'Connections of one /24 or /48; loopback and private ranges are exempt.', why: 'One network must not fill the node.' }),
  maxHalfOpen: integer(1, 100_000, { default: 1024, group: 'transport', about: 'Handshakes under way in all.', why: 'About 33 MB at 33 KB each.' }),
  maxHalfOpenPerNetwork: integer(1, 100_000, { default: 64, group: 'transport', about: 'Handshakes under way per /24 or /48.', why: 'Leaves room for others.' }),
  maxHalfOpenPerHost: integer(1, 100_000, { default: 16, group: 'transport', about: 'Handshakes under way per /32 or /64.', why: 'A household behind one address starting at once.' }),
  retryAboveHalfOpen: integer(0, 100_000, { default: 64, group: 'transport', about: 'Half-open handshakes beyond which a retry token is demanded.', why: 'A retry costs 24 µs, a half-open connection 272 µs and 33 KB.' }),
  retryAboveInitialsPerSecond: integer(0, 1_000_000, { default: 100, group: 'transport', about: 'New Initials a second beyond which a retry token is demanded.', why: 'More than honest nodes send, far below what one core stands.' }),
  retrySampleRatio: ratio({ default: 0.05, group: 'transport', about: 'Share of the other handshakes that must show a token, too.', why: 'Keeps the path tested.' }),
  maxRetriesPerSecond: integer(1, 1_000_000, { default: 2500, group: 'transport', about: 'Retries sent a second; Initials beyond are dropped.', why: 'Six per cent of a core at 24 µs each: a flood leaves connected peers the rest.' }),
  retryTokenLifetimeMs: duration(second, 5 * minute, { default: 15 * second, group: 'transport', about: 'How long a retry token is good.', why: 'A few round trips on the slowest path.' }),
  strangerBudgetBytes: size(16 * KiB, 16 * MiB, { default: 64 * KiB, group: 'transport', about: 'Bytes a connection may receive before it is admitted; four times that on loopback, where datagrams are large.', why: 'Handshake and HELLO take under 10 KiB.' }),
  overheadBaseBytes: size(16 * KiB, 64 * MiB, { default: 256 * KiB, group: 'transport', about: 'Bytes a peer may send beyond stream data before it counts as abuse, plus 25 % of what it delivered, 10 % of what it was sent, 64 bytes for each packet that had a reason and 1 KiB a second.', why: 'Contains floods of frames that quiche 0.18 handles badly (SECURITY.md).' }),
  nativeCallBudgetMs: integer(1, 1000, { default: 5, group: 'transport', about: 'A native call longer than this, several times over, closes its connection.', why: 'Normal calls take under 0.1 ms.' }),
  congestionControl: oneOf(['bbr', 'cubic', 'reno'], { default: 'bbr', group: 'transport', about: 'Congestion control of what is sent.', why: 'With the other two, quiche 0.18 measures round trips against stale send times when the window is small: at 2 to 8 % loss they stall for seconds where BBR takes a tenth (docs/BENCHMARKS.md).' }),
  egressPerPeerBytes: size(64 * KiB, 16 * 1024 * MiB, { default: 512 * MiB, group: 'transport', about: 'Bytes a second sent to one peer at most.', why: 'Bounds what a peer that acknowledges packets it never got can draw (SECURITY.md); above what one core sends.' }),
  egressBytes: size(64 * KiB, 64 * 1024 * MiB, { default: 1024 * MiB, group: 'transport', about: 'Bytes a second sent to all peers together at most.', why: 'The same for many such peers; set it below the uplink to leave room for others.' }),
  streamWindowBytes: size(64 * KiB, 64 * MiB, { default: MiB, group: 'transport', about: 'Flow-control window of a stream.', why: 'One message of the largest size in flight.' }),
  connectionWindowBytes: size(64 * KiB, 256 * MiB, { default: 8 * MiB, group: 'transport', about: 'Flow-control window of a connection.', why: '64 MB/s at 125 ms round trip.' }),
  maxStreams: integer(8, 100_000, { default: 1024, group: 'transport', about: 'Streams a peer may have open at once.', why: 'As many calls as may be in flight per peer.' }),
  socketBufferBytes: size(64 * KiB, 256 * MiB, { default: 4 * MiB, group: 'transport', about: 'Receive and send buffer asked of the system for the UDP socket.', why: 'Bursts arrive while JavaScript is busy; the system may grant less.' }),

  maxFrameBytes: size(KiB, 64 * MiB, { default: MiB, group: 'session', about: 'Largest message; more travels on a stream.', why: 'Bounds what one peer makes the node buffer.' }),
  messageStreams: integer(1, 16, { default: 4, group: 'session', about: 'Message streams per connection.', why: 'One lost packet then holds up a quarter of the messages.' }),
  keepaliveIntervalMs: duration(second, 5 * minute, { default: 15 * second, group: 'session', about: 'A silent connection is pinged this often.', why: 'Keeps NAT mappings of 20 s alive.' }),
  requestTimeoutMs: duration(100, 10 * minute, { default: 5 * second, group: 'session', about: 'Time for a request where the caller says nothing.', why: 'Longer than any healthy peer needs.' }),
  maxRequestsPerPeer: integer(1, 100_000, { default: 1000, group: 'session', about: 'Requests of one peer being served at once; more are refused as overloaded.', why: 'Bounds memory and keeps one peer from crowding out others.' }),
  maxRequests: integer(1, 1_000_000, { default: 10_000, group: 'session', about: 'Requests being served at once in all.', why: 'Bounds memory.' }),
  requestRatePerPeer: integer(1, 10_000_000, { default: 200_000, group: 'session', about: 'Requests a second one peer may send; more are refused as rate limited.', why: 'Twice what one core serves; lower it on shared nodes.' }),
  drainTimeoutMs: duration(0, 5 * minute, { default: 5 * second, group: 'session', about: 'Time that requests under way get when the node stops.', why: 'As long as a request may take.' }),

  mdns: flag({ default: true, group: 'peers', flag: 'mdns', about: 'Finds and is found by nodes of the same realm on the local network (multicast DNS).', why: 'Two nodes on one network need no configuration.' }),
  maxPeers: integer(1, 10_000, { default: 32, group: 'peers', about: 'Peers the node keeps connected by itself; beyond it, peers learned from others are only remembered.', why: 'Enough that a mesh stays whole when half the nodes die.' }),
  maxKnownPeers: integer(16, 100_000, { default: 1000, group: 'peers', about: 'Peers remembered on disk.', why: 'A restart without bootstrap needs one of them alive.' }),
  peerExchangeIntervalMs: duration(second, 60 * minute, { default: 30 * second, group: 'peers', about: 'How often connected peers are asked whom they know.', why: 'A backstop; news is asked for right after each connection.' }),
  reconnectMinMs: duration(10, minute, { default: 500, group: 'peers', about: 'First pause before a lost peer is dialled again; doubles, with full jitter.', why: 'A restarted peer is back in under a second.' }),
  reconnectMaxMs: duration(100, 60 * minute, { default: 30 * second, group: 'peers', about: 'Longest pause between dials of a lost peer.', why: 'A peer that comes back is found within half a minute.' }),

  poolMax: integer(1, 100_000, { default: 1000, group: 'pool', about: 'Connections the pool holds, those being dialled included; beyond it the least recently used one goes.', why: 'About 60 MB at 60 KB each.' }),
  poolIdleMs: duration(second, 24 * 60 * minute, { default: 5 * minute, group: 'pool', about: 'A connection nobody used for this long is closed, unless something keeps it.', why: 'A handshake every few minutes costs less than the keepalives of a connection not used.' }),
  poolStaleMs: duration(second, 10 * minute, { default: 20 * second, group: 'pool', about: 'A connection on which nothing was heard for this long is pinged before it carries a request.', why: 'One keepalive went unanswered, or none is sent.' }),
  poolProbeMs: duration(50, minute, { default: second, group: 'pool', about: 'Time a doubtful connection gets to answer that ping before it is replaced.', why: 'Longer than a round trip on the slowest path, shorter than callers wait.' }),
  breakerFailures: integer(1, 1000, { default: 5, group: 'pool', about: 'Failures in a row after which a peer is left alone for a while.', why: 'Single losses are common, five in a row are not.' }),
  breakerMinMs: duration(10, 60 * minute, { default: 5 * second, group: 'pool', about: 'How long a peer is left alone at first; doubles with each trial that fails.', why: 'A restarted peer is back in less.' }),
  breakerMaxMs: duration(10, 24 * 60 * minute, { default: 5 * minute, group: 'pool', about: 'Longest time a peer is left alone.', why: 'A peer that comes back is noticed within minutes.' }),

  dhtBucketSize: integer(2, 64, { default: 20, group: 'dht', about: 'k: nodes a bucket of the routing table holds, and replicas of a record.', why: 'All twenty of them ending within an hour is unlikely enough; the number of Kademlia.' }),
  dhtParallelism: integer(1, 64, { default: 3, group: 'dht', about: 'Requests a lookup has under way at once.', why: 'The number of Kademlia: more cost requests, fewer cost time.' }),
  dhtMaxParallelism: integer(1, 256, { default: 10, group: 'dht', about: 'The same while earlier requests are slow.', why: 'Dead nodes must not hold up a lookup.' }),
  dhtMaxPerPrefix: integer(1, 100_000, { default: 3, group: 'dht', about: 'Nodes of one /24 or /48 in the routing table and in a lookup; loopback and private ranges are exempt.', why: 'Node ids can be ground at will, addresses cannot.' }),
  dhtMaxPerPrefixInBucket: integer(1, 64, { default: 2, group: 'dht', about: 'Nodes of one /24 or /48 in one bucket.', why: 'No network may hold a majority of a range.' }),
  dhtMinRequestTimeoutMs: duration(10, minute, { default: 250, group: 'dht', about: 'Least time before a peer that does not answer counts as slow and another is asked.', why: 'Below it, a pause of the event loop looks like silence.' }),
  dhtInitialRequestTimeoutMs: duration(10, minute, { default: second, group: 'dht', about: 'The same for a peer never measured.', why: 'Leaves time for the handshake.' }),
  dhtMaxRequestTimeoutMs: duration(100, 5 * minute, { default: 5 * second, group: 'dht', about: 'Time after which an unanswered DHT request has failed.', why: 'Whoever takes longer is of no use.' }),
  dhtLivenessIntervalMs: duration(second, 60 * minute, { default: 40 * second, group: 'dht', about: 'In each such time, dhtLivenessPings nodes are asked for a sign of life, spread out.', why: 'A table of a hundred nodes is gone through in a quarter of an hour.' }),
  dhtLivenessPings: integer(1, 64, { default: 4, group: 'dht', about: 'How many: those not heard of for longest.', why: 'A request every ten seconds costs nothing.' }),
  dhtBucketRefreshMs: duration(second, 24 * 60 * minute, { default: 10 * minute, group: 'dht', about: 'A bucket no lookup went into for this long is refreshed by one.', why: 'Keeps far buckets alive in a quiet node.' }),
  dhtReplicationIntervalMs: duration(minute, 24 * 60 * minute, { default: 60 * minute, group: 'dht', about: 'How often a holder sees to it that the nodes closest to a record hold it, beside doing so when nodes come and go.', why: 'A backstop; spread by up to a quarter each way.' }),
  dhtProviderRefreshMs: duration(second, 60 * minute, { default: 4 * minute, group: 'dht', about: 'How often a provider announces itself again.', why: 'Twice within the ten minutes after which a silent provider is forgotten.' }),
  dhtReadHolders: integer(1, 64, { default: 3, group: 'dht', about: 'Holders asked before the newest of their answers is returned.', why: 'One may have missed the last write.' }),
  dhtCacheMs: duration(0, 24 * 60 * minute, { default: 5 * minute, group: 'dht', about: 'How long a result of the DHT is served again without asking.', why: 'Long enough to spare most lookups, short enough to forget.' }),
  dhtNegativeCacheMs: duration(0, 60 * minute, { default: 5 * second, group: 'dht', about: 'The same for "nothing there".', why: 'Spares a burst of equal questions without hiding a newcomer.' }),
  dhtCacheEntries: integer(0, 1_000_000, { default: 1000, group: 'dht', about: 'Results kept.', why: 'At most 64 MiB of the largest values.' }),
  dhtStoreBytes: size(MiB, 64 * 1024 * MiB, { default: 64 * MiB, group: 'dht', about: 'Records held for the network, in all; beyond it those furthest from this node go.', why: 'A thousand of the largest, or hundreds of thousands of small ones.' }),
  dhtStoreBytesPerPrefix: size(64 * KiB, 64 * 1024 * MiB, { default: 16 * MiB, group: 'dht', about: 'Of these, what nodes of one /24 or /48 may bring; loopback and private ranges are exempt.', why: 'One network must not fill the store.' }),
  dhtRecordsPerPublisher: integer(1, 1_000_000, { default: 1000, group: 'dht', about: 'Values of one publisher held here, and as many of its provider records.', why: 'One publisher must not fill the store.' }),
  dhtProvidersPerKey: integer(1, 65_535, { default: 1000, group: 'dht', about: 'Providers held under one key.', why: 'Nobody needs to choose among more.' }),
  dhtSequenceMarks: integer(0, 10_000_000, { default: 100_000, group: 'dht', about: 'Removed records whose sequence is remembered, so that they cannot be played back.', why: 'About 20 MB.' }),
  dhtValueTtlMs: duration(second, 7 * 24 * 60 * minute, { default: 24 * 60 * minute, group: 'dht', about: 'How long a value lives where its writer says nothing.', why: 'Long enough for a writer that refreshes at half of it, short enough that what nobody wants goes.' }),
  dhtMaxOperations: integer(1, 100_000, { default: 256, group: 'dht', about: 'Reads, writes and lookups of this node under way at once; more wait.', why: 'Each has up to ten requests under way; beyond this many they only slow each other down.' }),
  dhtMaxWaitingOperations: integer(0, 1_000_000, { default: 10_000, group: 'dht', about: 'How many may wait; more are refused as overloaded.', why: 'Bounds memory.' }),
  dhtMaxServing: integer(1, 100_000, { default: 1000, group: 'dht', about: 'Requests of peers whose answer waits for the disk; more are refused as overloaded.', why: '64 MiB of the largest values.' }),
  dhtLeaveMs: duration(0, minute, { default: 3 * second, group: 'dht', about: 'Time for withdrawing providers and handing records over when the node stops.', why: 'A few round trips; whoever stops a node does not wait for more.' }),

  pubsubQueueMessages: integer(1, 1_000_000, { default: 1000, group: 'pubsub', about: 'Messages that may wait for one subscriber.', why: 'Ten seconds of a hundred messages a second.' }),
  pubsubQueueBytes: size(64 * KiB, 1024 * MiB, { default: 8 * MiB, group: 'pubsub', about: 'Their bytes.', why: 'A hundred slow subscribers take less than a gigabyte.' }),
  pubsubOverflow: oneOf(['drop-oldest', 'block', 'disconnect'], { default: 'drop-oldest', group: 'pubsub', about: 'What happens when more would wait: the oldest are dropped, the publisher waits, or the subscriber is let go.', why: 'One slow subscriber must not hold up the others, and what is new matters more than what is old.' }),
  pubsubBatchBytes: size(0, MiB, { default: 64 * KiB, group: 'pubsub', about: 'Bytes of messages that travel together at most; 0 sends each alone.', why: 'A few packets of loopback; larger ones only wait longer.' }),
  pubsubBatchMessages: integer(1, 1024, { default: 128, group: 'pubsub', about: 'Messages of one topic that are signed together at most.', why: 'A signature costs as much as hashing 50 messages; beyond a hundred nothing is gained.' }),
  pubsubLingerMs: duration(0, second, { default: 5, group: 'pubsub', about: 'How long messages wait for others of their topic, to be signed together, while earlier ones are not acknowledged yet; 0: no longer than a turn of the event loop.', why: 'Each subscriber verifies each signature: under load, fewer of them mean less delay.' }),
  pubsubReplayMessages: integer(0, 1_000_000, { default: 1024, group: 'pubsub', about: 'Messages of one topic kept for subscribers that missed some.', why: 'As many as may wait for one subscriber.' }),
  pubsubReplayBytes: size(0, 1024 * MiB, { default: 8 * MiB, group: 'pubsub', about: 'Their bytes.', why: 'As many as may wait for one subscriber.' }),
  pubsubReplayAgeMs: duration(0, 60 * minute, { default: minute, group: 'pubsub', about: 'How long they are kept.', why: 'Longer than it takes to come back after a lost connection.' }),
  pubsubHeartbeatMs: duration(100, 10 * minute, { default: 5 * second, group: 'pubsub', about: 'Silence on a topic after which its subscribers are told the last sequence.', why: 'A lost last message is noticed soon, and it costs one small packet.' }),
  pubsubAckTimeoutMs: duration(100, 5 * minute, { default: 5 * second, group: 'pubsub', about: 'Time a subscriber has to acknowledge before it is sent the same again.', why: 'As long as a request may take.' }),
  pubsubDeadMs: duration(100, 60 * minute, { default: 15 * second, group: 'pubsub', about: 'A subscriber that acknowledges nothing for this long is let go.', why: 'Three unanswered attempts; one that comes back gets what it missed from the replay.' }),
  pubsubRefreshMs: duration(second, 60 * minute, { default: 2 * minute, group: 'pubsub', about: 'How often publishers and subscribers of a topic are looked for again.', why: 'A backstop: both tell each other when they appear.' }),
  pubsubDiscoveryMs: duration(0, minute, { default: 3 * second, group: 'pubsub', about: 'Time the first message to a topic waits for its subscribers to be found.', why: 'A few lookups on a slow network.' }),
  pubsubMaxSubscribers: integer(1, 1_000_000, { default: 10_000, group: 'pubsub', about: 'Nodes that may subscribe to what this one publishes.', why: 'A few kilobytes each while they are quiet.' }),
  pubsubDirectSubscribers: integer(1, 1_000_000, { default: 256, group: 'pubsub', about: 'Subscribers of one topic that are sent to directly; beyond it some of them pass messages on to the others.', why: 'A quarter of the connections a node keeps.' }),
  pubsubMaxForwarded: integer(0, 1_000_000, { default: 1000, group: 'pubsub', about: 'Nodes this one passes messages of other publishers on to; 0 passes nothing on.', why: 'Four shares of the largest size.' }),
  pubsubMaxTopics: integer(1, 1_000_000, { default: 1000, group: 'pubsub', about: 'Topics this node publishes to at once; beyond it the one not used for longest is forgotten.', why: 'Each keeps messages for replay.' }),
  pubsubMaxSubscriptions: integer(1, 1_000_000, { default: 10_000, group: 'pubsub', about: 'Subscriptions of programs on this node.', why: 'Bounds memory.' }),
  pubsubMaxPatterns: integer(1, 100_000, { default: 1000, group: 'pubsub', about: 'Patterns one node may subscribe to here.', why: 'Bounds memory.' }),
  pubsubMaxAdvertised: integer(1, 100_000, { default: 400, group: 'pubsub', about: 'Names this node announces itself under as publisher or subscriber.', why: 'Less than half of the provider records that others hold of one node.' }),
  relay: flag({ default: true, group: 'nat', about: 'Passes packets on between peers that cannot reach each other, within the limits below.', why: 'A mesh in which everybody helps needs no servers of its own.' }),
  relayUse: oneOf(['auto', 'always', 'never'], { default: 'auto', group: 'nat', about: 'Whether this node keeps itself reachable through relays: auto does where it is not reachable directly.', why: 'Whether a node is reachable can be found out.' }),
  relayCount: integer(1, 3, { default: 3, group: 'nat', about: 'Relays it is reachable through at once.', why: 'One can die, and another while the first is replaced.' }),
  relayMaxReservations: integer(0, 100_000, { default: 128, group: 'nat', about: 'Nodes that may be reachable through this one at once.', why: 'What other relays hold; each costs a connection.' }),
  relayMaxSessions: integer(0, 100_000, { default: 1024, group: 'nat', about: 'Sessions, pairs of nodes that this one passes packets on between, at once.', why: 'Under a kilobyte each; the rates below limit what they cost.' }),
  relayMaxSessionsPerPeer: integer(1, 10_000, { default: 16, group: 'nat', about: 'Sessions of one node; where it wants another, one that carried no packets for 30 s ends.', why: 'A node keeps sessions only with peers it does not reach directly.' }),
  relayReservationMs: duration(5 * second, 24 * 60 * minute, { default: 10 * minute, group: 'nat', about: 'How long a reservation holds before it has to be renewed.', why: 'Long enough to cost nothing, short enough that what nobody wants goes.' }),
  relayIdleMs: duration(5 * second, 24 * 60 * minute, { default: 2 * minute, group: 'nat', about: 'A session on which nothing came for this long ends.', why: 'Those in use or in reserve carry a path probe every 15 s.' }),
  relayMaxAgeMs: duration(minute, 30 * 24 * 60 * minute, { default: 12 * 60 * minute, group: 'nat', about: 'A session older than this ends; the two nodes open another one.', why: 'Spreads long-lived pairs over the relays there are by then.' }),
  relaySessionBytes: size(16 * KiB, 16 * 1024 * MiB, { default: 8 * MiB, group: 'nat', about: 'Bytes a second passed on in one session; more is dropped.', why: 'A fast home line. Rate is limited and volume is not, so that nothing is ever cut off.' }),
  relayPeerBytes: size(16 * KiB, 16 * 1024 * MiB, { default: 16 * MiB, group: 'nat', about: 'Bytes a second passed on for what one node sends in all its sessions.', why: 'Two sessions at full speed.' }),
  relayTotalBytes: size(16 * KiB, 64 * 1024 * MiB, { default: 32 * MiB, group: 'nat', about: 'Bytes a second passed on in all.', why: 'A quarter of a gigabit line; set it below the uplink to leave room for others.' }),
  punch: flag({ default: true, group: 'nat', about: 'Tries to get connections that run through a relay onto a direct path (hole punching).', why: 'A direct path is faster and costs no relay anything; an attempt takes a few kilobytes.' }),
  punchRetryMinMs: duration(second, 60 * minute, { default: 5 * second, group: 'nat', about: 'Pause after the second attempt in a row that failed; it doubles with each, with jitter. A change of network ends it.', why: 'What fails twice rarely works a second later.' }),
  punchRetryMaxMs: duration(second, 24 * 60 * minute, { default: 5 * minute, group: 'nat', about: 'Longest such pause, and the pause where the two NATs allow no direct path.', why: 'NATs change when people move or restart routers; an attempt in five minutes costs nothing.' }),
  rpcTimeoutMs: duration(1, 24 * 60 * minute, { default: 5 * second, group: 'rpc', about: 'Deadline of a call where the caller says nothing.', why: 'A call without one could wait for ever.' }),
  rpcFindMs: duration(10, 5 * minute, { default: 2 * second, group: 'rpc', about: 'Time nodes of the DHT have to say who serves a procedure, where no provider is known; then silent ones are waited for no longer.', why: 'A lookup among nodes that live takes a fraction of it, and the call must not use up its deadline on those that died.' }),
  rpcRetries: integer(0, 100, { default: 3, group: 'rpc', about: 'Times a call is tried again where it certainly did not run, or was declared idempotent.', why: 'Beyond three, the mesh has another problem.' }),
  rpcRetryMinMs: duration(1, minute, { default: 100, group: 'rpc', about: 'Pause before the first retry; doubles with each further one, with full jitter.', why: 'Most causes are over in less.' }),
  rpcRetryMaxMs: duration(1, minute, { default: second, group: 'rpc', about: 'Longest pause before a retry.', why: 'Deadlines are a few seconds.' }),
  rpcRetryShare: ratio({ default: 0.2, group: 'rpc', about: 'Retries this node may add to its calls, as a share of them, beside rpcRetryRate.', why: 'Retries must not multiply the load of providers that are overloaded.' }),
  rpcRetryRate: integer(0, 1_000_000, { default: 10, group: 'rpc', about: 'Retries a second that are always allowed.', why: 'A node with few calls must be able to retry, too.' }),
  rpcSilenceMs: duration(10, 10 * minute, { default: second, group: 'rpc', about: 'Least time an idempotent call waits for a provider before another one is asked; ten round trips where they take longer, never more than half of what is left.', why: 'Longer than a round trip on the slowest path.' }),
  rpcBalanceDecayMs: duration(100, 60 * minute, { default: 10 * second, group: 'rpc', about: 'Time after which a measured round trip of a provider counts a third.', why: 'Load changes within seconds.' }),
  rpcHedgeShare: ratio({ default: 0.05, group: 'rpc', about: 'Calls that hedging may add, as a share of those that ask for it.', why: 'Cuts the slowest twentieth, and costs no more than that.' }),
  rpcMaxCalls: integer(1, 1_000_000, { default: 10_000, group: 'rpc', about: 'Calls of this node under way at once; more are refused as overloaded.', why: 'Bounds memory.' }),
  rpcMaxCallsPerPeer: integer(1, 100_000, { default: 1000, group: 'rpc', about: 'Of these, to one provider.', why: 'As many as a node serves one peer.' }),
  rpcMaxProcedures: integer(1, 1_000_000, { default: 1000, group: 'rpc', about: 'Procedures this node can serve.', why: 'Each is announced in the DHT, where a publisher may have as many records.' }),
  rpcConcurrency: integer(1, 1_000_000, { default: 1000, group: 'rpc', about: 'Calls of one procedure served at once where it says nothing itself; more are refused as overloaded.', why: 'One procedure must not use up what the node can serve.' }),
  rpcMemoryBytes: size(0, 16 * 1024 * MiB, { default: 64 * MiB, group: 'rpc', about: 'Results of idempotent calls remembered until their deadline, so that a repeated call gets the first answer; beyond it the oldest go.', why: 'Tens of thousands of small results.' }),
  rpcMaxBodyBytes: size(MiB, 1024 * MiB, { default: 64 * MiB, group: 'rpc', about: 'Largest arguments, and largest result, of one call; beyond maxFrameBytes they travel on a stream of their own.', why: 'A body is held whole; what is larger is better streamed.' }),
  rpcBufferBytes: size(2 * MiB, 64 * 1024 * MiB, { default: 256 * MiB, group: 'rpc', about: 'What streams and large bodies of all peers together may hold that has come and was not taken yet; half of it for one peer.', why: 'Bounds memory; as much as two of the largest bodies of each of two peers.' }),
  portMapping: flag({ default: true, group: 'nat', about: 'Has the router forward the UDP port of the node (UPnP, PCP, NAT-PMP) where it has an address of a private range.', why: 'A node that others reach needs no relay; routers that allow it were set to.' }),
  stunServers: list(16, { default: [], group: 'nat', about: 'STUN servers (host:port) to ask for the public address, beside other nodes.', why: 'Nodes of the mesh do as well; a mesh with only one node outside needs another.' }),
  stunRatePerPrefix: integer(1, 1_000_000, { default: 20, group: 'nat', about: 'STUN requests a second answered to one /24 or /48.', why: 'A discovery takes about ten; source addresses can be forged, so it bounds what is sent to anybody.' }),
  stunRate: integer(1, 10_000_000, { default: 2000, group: 'nat', about: 'STUN requests a second answered in all.', why: 'A few per cent of a core.' }),
  natRefreshMs: duration(second, 24 * 60 * minute, { default: 10 * minute, group: 'nat', about: 'How old the finding about NATs may get before it is made anew; a change of addresses makes it anew at once.', why: 'Routers restart and are exchanged; a discovery costs about thirty small packets.' }),

  metricsHost: text(255, { default: '127.0.0.1', group: 'operations', about: 'Address of the metrics and health listener.', why: 'Visible to this machine only unless told otherwise.' }),
  metricsPort: integer(0, 65_535, { default: 9464, group: 'operations', flag: 'metrics-port', about: 'TCP port of the metrics and health listener; 0 takes any free one.', why: 'The port of the Prometheus exporter of OpenTelemetry.' }),
  metrics: flag({ default: true, group: 'operations', about: 'Whether metrics and health are served at all.', why: 'A node without them cannot be watched.' }),
  logLevel: oneOf(logLevels, { default: 'info', group: 'operations', flag: 'log-level', about: 'Least severe log line written.', why: 'Quiet in normal operation.' }),
  watchdogTimeoutMs: duration(second, 10 * minute, { default: 10 * second, group: 'operations', about: 'A main thread that has not turned for this long is ended, so that a supervisor starts it again.', why: 'Far beyond any honest pause.' }),
} satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

/** Values of all settings, checked. */
export type Settings = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer Value> ? Value : never;
};

/** `quicPort` → `MACULA_QUIC_PORT`. Units in key names are left out: `idleTimeoutMs` → `MACULA_IDLE_TIMEOUT`. */
export function environmentName(name: SettingName): string {
  const words = name.replace(/(Ms|Bytes)$/, '').replace(/[A-Z]/g, (letter) => `_${letter}`);
  return `MACULA_${words.toUpperCase()}`;
}

/** The defaults, before directories that depend on the user are filled in. */
export function defaultSettings(): Settings {
  return Object.fromEntries(Object.entries(settings).map(([name, setting]) => [name, setting.default])) as unknown as Settings;
}
