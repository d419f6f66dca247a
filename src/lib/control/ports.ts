import type {
  ConnectRequest, ConnectResult, DisconnectRequest, DisconnectResult, EffectiveConfig, NodeStatus, PeerList,
  PingRequest, PingResult, TrustRequest, TrustResult,
} from './protocol.js';
import type { BenchEvent, BenchInput } from './protocol-bench.js';
import type {
  DhtDeleteInput, DhtGetInput, DhtGetResult, DhtNodesResult, DhtProvidersInput, DhtProvidersResult, DhtPutInput, DhtStoreResult, DhtTraceInput, DhtTraceResult,
} from './protocol-dht.js';
import type { RpcHandlers } from './ports-rpc.js';
import type { MetricsResult } from './protocol-metrics.js';
import type { NatProbeRequest, NatProbeResult, PeerWhyRequest, PeerWhyResult } from './protocol-nat.js';
import type { PoolStatsResult } from './protocol-pool.js';
import type { PubSubEventLine, PubSubPublishInput, PubSubPublishResult, PubSubSubscribeInput } from './protocol-pubsub.js';
import type { WaitCondition } from './wait-condition.js';

/** What a node does for its control socket about the DHT. */
export interface DhtHandlers {
  /**
   * @throws MaculaError MACULA_UNDER_REPLICATED, MACULA_RECORD_REFUSED, MACULA_STALE_SEQUENCE, MACULA_VALUE_TOO_LARGE,
   * MACULA_TIMED_OUT
   */
  dhtPut(request: DhtPutInput, signal: AbortSignal): Promise<DhtStoreResult>;
  /** @throws MaculaError MACULA_NOT_FOUND where there is no value, MACULA_TIMED_OUT */
  dhtGet(request: DhtGetInput, signal: AbortSignal): Promise<DhtGetResult>;
  /** @throws MaculaError as {@link dhtPut} */
  dhtDelete(request: DhtDeleteInput, signal: AbortSignal): Promise<DhtStoreResult>;
  /** @throws MaculaError MACULA_NOT_FOUND where nobody provides it, MACULA_TIMED_OUT */
  dhtProviders(request: DhtProvidersInput, signal: AbortSignal): Promise<DhtProvidersResult>;
  dhtTrace(request: DhtTraceInput, signal: AbortSignal): Promise<DhtTraceResult>;
  dhtNodes(): DhtNodesResult;
}

/** What a node does for its control socket about publish/subscribe. */
export interface PubSubHandlers {
  /** @throws MaculaError MACULA_INVALID_VALUE, MACULA_NO_SUBSCRIBERS, MACULA_PARTLY_DELIVERED (QoS 1), MACULA_VALUE_TOO_LARGE */
  pubsubPublish(request: PubSubPublishInput, signal: AbortSignal): Promise<PubSubPublishResult>;
  /** First that it subscribed, then what comes, until the signal aborts. @throws MaculaError MACULA_INVALID_VALUE */
  pubsubSubscribe(request: PubSubSubscribeInput, signal: AbortSignal): AsyncIterable<PubSubEventLine>;
}

/**
 * What a node does for its control socket. Every signal aborts when the client goes away or the server stops. A
 * MaculaError thrown travels to the client as it is.
 */
export interface ControlHandlers extends DhtHandlers, PubSubHandlers {
  readonly rpc: RpcHandlers;
  status(): NodeStatus | Promise<NodeStatus>;
  /** Begins to stop the node; called once the client has its answer, and must not throw. */
  stop(): void;
  /**
   * Resolves once the condition holds.
   * @throws MaculaError MACULA_TIMED_OUT after `timeoutMs`, with the current value in its details
   */
  wait(condition: WaitCondition, timeoutMs: number, signal: AbortSignal): Promise<void>;
  listPeers(): PeerList | Promise<PeerList>;
  /** The list at once, then again at each change, until the signal aborts. */
  watchPeers(signal: AbortSignal): AsyncIterable<PeerList>;
  connectPeer(request: ConnectRequest, signal: AbortSignal): Promise<ConnectResult>;
  disconnectPeer(request: DisconnectRequest, signal: AbortSignal): Promise<DisconnectResult>;
  pingPeer(request: PingRequest, signal: AbortSignal): AsyncIterable<PingResult>;
  /** @throws MaculaError MACULA_PEER_NOT_FOUND, MACULA_USAGE */
  whyPeer(request: PeerWhyRequest): PeerWhyResult;
  trustPeer(request: TrustRequest, signal: AbortSignal): Promise<TrustResult>;
  untrustPeer(request: TrustRequest, signal: AbortSignal): Promise<TrustResult>;
  /** @param connections whether to list every connection */
  poolStats(connections: boolean): PoolStatsResult;
  /** @throws MaculaError MACULA_USAGE, MACULA_UNREACHABLE where there is nobody to ask */
  natProbe(request: NatProbeRequest, signal: AbortSignal): Promise<NatProbeResult>;
  /** Puts load on a peer until it is over or the signal aborts. @throws MaculaError MACULA_PEER_NOT_FOUND, MACULA_SELF_DIAL, MACULA_VALUE_TOO_LARGE, and as the first operation fails */
  bench(request: BenchInput, signal: AbortSignal): AsyncIterable<BenchEvent>;
  metrics(): Promise<MetricsResult>;
  config(): EffectiveConfig;
}
