import type { RandomSource } from '../base/random.js';
import type { NodeId } from '../identity/node-id.js';
import { CircuitBreaker, type BreakerSettings } from '../base/circuit-breaker.js';

/** Peers that failed and are remembered although they are not connected; about 2 MB. */
const maxRemembered = 10_000;

interface Health {
  readonly breaker: CircuitBreaker;
  lastSuccessMs: number | undefined;
}

/** What is remembered of how peers behaved. */
export class PeerHealthTable {
  readonly #random: RandomSource;
  readonly #settings: BreakerSettings;
  /** The peer heard of least recently comes first. */
  readonly #peers = new Map<NodeId, Health>();

  constructor(components: { random: RandomSource }, settings: BreakerSettings) {
    this.#random = components.random;
    this.#settings = settings;
  }

  get size(): number {
    return this.#peers.size;
  }

  breaker(nodeId: NodeId): CircuitBreaker | undefined {
    return this.#peers.get(nodeId)?.breaker;
  }

  lastSuccessMs(nodeId: NodeId): number | undefined {
    return this.#peers.get(nodeId)?.lastSuccessMs;
  }

  succeeded(nodeId: NodeId, nowMs: number): void {
    const health = this.#peers.get(nodeId) ?? this.#add(nodeId);
    health.breaker.succeeded();
    health.lastSuccessMs = nowMs;
  }

  /** Returns how long the peer is left alone, milliseconds, if this failure begins a pause. */
  failed(nodeId: NodeId, nowMs: number): number | undefined {
    const health = this.#peers.get(nodeId);
    if (health) this.#peers.delete(nodeId);
    return this.#add(nodeId, health).breaker.failed(nowMs, this.#random);
  }

  /** The peer is no longer connected: nothing but its failures is worth remembering. */
  disconnected(nodeId: NodeId): void {
    if (this.#peers.get(nodeId)?.breaker.failures === 0) this.#peers.delete(nodeId);
  }

  #add(nodeId: NodeId, health: Health = { breaker: new CircuitBreaker(this.#settings), lastSuccessMs: undefined }): Health {
    this.#peers.set(nodeId, health);
    if (this.#peers.size > maxRemembered) this.#peers.delete(this.#peers.keys().next().value!);
    return health;
  }
}
