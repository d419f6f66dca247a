/** Macula for programs that embed a node. */
export { MaculaError, type ErrorJson } from './base/errors.js';
export { errorCatalogue, type ErrorCode } from './base/error-catalogue.js';
export { ExitCode } from './base/exit-codes.js';
export type { SocketAddress } from './base/address.js';
export type { Logger, LogLevel } from './base/logger.js';
export type { Settings, SettingName } from './config/schema.js';
export type { NodeStatus } from './control/protocol.js';
export type { NodeId } from './identity/node-id.js';
export { MaculaNode, type MaculaNodeComponents, type MaculaNodeEvents } from './node/macula-node.js';
export { NodeDht } from './node/node-dht.js';
export type { GetOptions, ProvidedKind, PutOptions, WriteOptions, DhtTableEntry, DhtServiceStats } from './dht/dht.js';
export type { DhtContact, DhtNodes, DhtProvider, DhtProviders, DhtPutResult, DhtTrace, DhtTraceStep, DhtValue } from './dht/dht-results.js';
export type { ReadQuorum } from './dht/dht-operations.js';
export { NodePeers, type PingOptions, type PingOutcome } from './node/node-peers.js';
export type { PeerInfo } from './peers/peer-info.js';
export type { PeerCounts } from './peers/peers.js';
export type { ConnectionHealth, EvictionReason, PooledConnection, PoolStats } from './pool/pool-stats.js';
