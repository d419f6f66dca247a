import type {
  ConnectRequest, ConnectResult, DisconnectRequest, DisconnectResult, EffectiveConfig, NodeStatus, PeerList,
  PingRequest, PingResult, TrustRequest, TrustResult,
} from './protocol.js';
import type { WaitCondition } from './wait-condition.js';

/**
 * What a node does for its control socket. Every signal aborts when the client goes away or the server stops. A
 * MaculaError thrown travels to the client as it is.
 */
export interface ControlHandlers {
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
  trustPeer(request: TrustRequest, signal: AbortSignal): Promise<TrustResult>;
  untrustPeer(request: TrustRequest, signal: AbortSignal): Promise<TrustResult>;
  config(): EffectiveConfig;
}
