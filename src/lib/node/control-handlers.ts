import { abortError, delay, onceAborted, withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import type { ControlHandlers } from '../control/ports.js';
import type {
  ConnectRequest, ConnectResult, DisconnectRequest, DisconnectResult, EffectiveConfig, NodeStatus, PeerList, PingRequest, PingResult, TrustRequest, TrustResult,
} from '../control/protocol.js';
import type { BenchEvent, BenchInput } from '../control/protocol-bench.js';
import type { MetricsResult } from '../control/protocol-metrics.js';
import type { NatProbeRequest, NatProbeResult, PeerWhyRequest, PeerWhyResult } from '../control/protocol-nat.js';
import type { PoolStatsResult } from '../control/protocol-pool.js';
import type { PubSubEventLine, PubSubPublishInput, PubSubPublishResult, PubSubSubscribeInput } from '../control/protocol-pubsub.js';
import type { WaitCondition } from '../control/wait-condition.js';
import type { Metrics } from '../observability/metrics.js';
import type { PoolStats } from '../pool/pool-stats.js';
import { BenchControl } from './control-bench.js';
import { DhtControl } from './control-dht.js';
import { poolStatsOf } from './control-pool.js';
import { PubSubControl } from './control-pubsub.js';
import { RpcControl } from './control-rpc.js';
import type { NodeDht } from './node-dht.js';
import type { NodeNat } from './node-nat.js';
import type { NodePeers } from './node-peers.js';
import type { NodePubSub } from './node-pubsub.js';
import type { NodeRpc } from './node-rpc.js';
import { peerOf } from './node-status.js';

/** Longest a watched list goes without being sent again: round trips and traffic change without an event. */
const watchIntervalMs = 1000;

/** How often the path is looked at where a direct one is waited for: punching takes about as long. */
const directLookMs = 100;

/** What the control socket needs of a node. */
export interface ControlledNode {
  readonly peers: NodePeers;
  readonly dht: NodeDht;
  readonly pubsub: NodePubSub;
  readonly rpc: NodeRpc;
  readonly nat: NodeNat;
  poolStats(options: { connections: boolean }): PoolStats;
  status(): NodeStatus;
  requestStop(): void;
  on(name: 'peersChanged', listener: () => void): () => void;
}

/** What a node does for its control socket, in terms of its public API. */
export class NodeControl extends DhtControl implements ControlHandlers {
  readonly rpc: RpcControl;
  readonly #bench: BenchControl;
  readonly #node: ControlledNode;
  readonly #clock: Clock;
  readonly #metrics: Pick<Metrics, 'read'>;
  readonly #config: EffectiveConfig | undefined;
  readonly #pubsub: PubSubControl;

  constructor(components: { node: ControlledNode; metrics: Pick<Metrics, 'read'>; clock: Clock; random: RandomSource; config: EffectiveConfig | undefined }) {
    super({ dht: components.node.dht, clock: components.clock });
    this.rpc = new RpcControl({ rpc: components.node.rpc, peers: components.node.peers, clock: components.clock, random: components.random });
    const { node, clock, random } = components;
    const { peers, rpc, pubsub } = node;
    this.#bench = new BenchControl({ peers, rpc, pubsub, clock, random, ownId: () => node.status().nodeId });
    this.#node = components.node;
    this.#clock = components.clock;
    this.#metrics = components.metrics;
    this.#config = components.config;
    this.#pubsub = new PubSubControl({ pubsub: components.node.pubsub });
  }

  status(): NodeStatus {
    return this.#node.status();
  }

  stop(): void {
    this.#node.requestStop();
  }

  async wait(condition: WaitCondition, timeoutMs: number, signal: AbortSignal): Promise<void> {
    try {
      await withTimeout(this.#clock, timeoutMs, describe(condition), signal, async (within) => {
        if (condition.kind === 'key') return this.waitForKey(condition.key, within);
        if (this.#holds(condition)) return;
        for await (const _ of this.#changes(within)) if (this.#holds(condition)) return;
      });
    } catch (error) {
      if (MaculaError.from(error).code !== 'MACULA_TIMED_OUT') throw error;
      const { state, peers } = this.#node.status();
      throw new MaculaError('MACULA_TIMED_OUT', `waited ${timeoutMs} ms in vain: ${describe(condition)}`, {
        details: { timeoutMs, state, peers },
        hint: `The node is ${state} and has ${peers.connected} peers. Give it longer with --timeout, or look at \`macula peers list\`.`,
      });
    }
  }

  listPeers(): PeerList {
    return { peers: this.#node.peers.listPeers().map(peerOf) };
  }

  async *watchPeers(signal: AbortSignal): AsyncGenerator<PeerList> {
    yield this.listPeers();
    for await (const _ of this.#changes(signal)) yield this.listPeers();
  }

  async connectPeer({ target, timeoutMs, direct }: ConnectRequest, signal: AbortSignal): Promise<ConnectResult> {
    const startedMs = this.#clock.nowMs();
    const peer = await withTimeout(this.#clock, timeoutMs, `connecting to ${target}`, signal, (within) => this.#node.peers.startPeer(target, within));
    const nodeId = peer.nodeId!;
    let now = peer;
    while (direct && now.path !== 'direct') {
      if (this.#clock.nowMs() - startedMs >= timeoutMs) {
        const { path = null, relay = null } = now;
        throw new MaculaError('MACULA_NOT_DIRECT', `${nodeId} is connected, but only through a relay`, { details: { nodeId, path, relay }, hint: `\`macula peers why ${nodeId}\` says what was tried.` });
      }
      await delay(this.#clock, directLookMs, signal);
      now = this.#node.peers.listPeers().find((one) => one.nodeId === nodeId) ?? now;
    }
    return { nodeId, path: now.path ?? 'direct', address: now.address ?? null };
  }

  whyPeer({ nodeId }: PeerWhyRequest): PeerWhyResult {
    const { peers } = this.#node;
    return peers.why(peers.resolve(nodeId));
  }

  async disconnectPeer({ nodeId }: DisconnectRequest): Promise<DisconnectResult> {
    const whole = this.#node.peers.resolve(nodeId);
    await this.#node.peers.stopPeer(whole);
    return { nodeId: whole };
  }

  async *pingPeer({ nodeId, count, intervalMs, timeoutMs, untilDirect }: PingRequest, signal: AbortSignal): AsyncGenerator<PingResult> {
    const { peers } = this.#node;
    const whole = peers.resolve(nodeId);
    for (let seq = 1; seq <= count; seq++) {
      if (seq > 1) await delay(this.#clock, intervalMs, signal);
      const result = await this.#ping(whole, seq, timeoutMs, signal);
      yield result;
      if (untilDirect && 'path' in result && result.path === 'direct') return;
    }
  }

  async #ping(nodeId: string, seq: number, timeoutMs: number, signal: AbortSignal): Promise<PingResult> {
    try {
      return { seq, ...(await this.#node.peers.ping(nodeId, { timeoutMs, signal })) };
    } catch (error) {
      if (signal.aborted) throw abortError(signal);
      const { code, message } = MaculaError.from(error);
      if (seq === 1 && code === 'MACULA_PEER_NOT_FOUND') throw error;
      return { seq, error: { code, message } };
    }
  }

  async trustPeer({ target }: TrustRequest, signal: AbortSignal): Promise<TrustResult> {
    const { nodeId, pinned } = await this.#node.peers.trust(target, signal);
    return { nodeId: nodeId ?? null, pinned };
  }

  async untrustPeer({ target }: TrustRequest): Promise<TrustResult> {
    const { nodeId } = await this.#node.peers.untrust(target);
    return { nodeId: nodeId ?? null, pinned: false };
  }

  poolStats(connections: boolean): PoolStatsResult {
    return poolStatsOf(this.#node.poolStats({ connections }));
  }

  pubsubPublish(request: PubSubPublishInput, signal: AbortSignal): Promise<PubSubPublishResult> {
    return this.#pubsub.pubsubPublish(request, signal);
  }

  pubsubSubscribe(request: PubSubSubscribeInput, signal: AbortSignal): AsyncIterable<PubSubEventLine> {
    return this.#pubsub.pubsubSubscribe(request, signal);
  }

  async natProbe({ stun }: NatProbeRequest, signal: AbortSignal): Promise<NatProbeResult> {
    const report = await this.#node.nat.probe(stun ?? [], signal);
    return { ...report, servers: [...report.servers] };
  }

  bench(request: BenchInput, signal: AbortSignal): AsyncIterable<BenchEvent> {
    return this.#bench.run(request, signal);
  }

  async metrics(): Promise<MetricsResult> {
    const metrics = await this.#metrics.read();
    const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);
    return { metrics: metrics.map(({ samples, ...metric }) => ({ ...metric, samples: samples.map(({ value, ...sample }) => ({ ...sample, value: finite(value) })) })) };
  }

  config(): EffectiveConfig {
    if (!this.#config) throw new MaculaError('MACULA_NOT_FOUND', 'this node was embedded in a program, which gave it its settings', { hint: 'Ask that program.' });
    return this.#config;
  }

  #holds(condition: Exclude<WaitCondition, { kind: 'key' }>): boolean {
    const status = this.#node.status();
    switch (condition.kind) {
      case 'ready':
        return status.state === 'ready';
      case 'peers':
        return status.peers.connected >= condition.count;
      case 'reachable':
        // Before anything is known of NATs, that somebody came in does.
        return this.#node.nat.isReachable() ?? this.#node.peers.listPeers().some((peer) => peer.state === 'connected' && peer.direction === 'in' && peer.path === 'direct');
    }
  }

  /** Yields whenever something about peers may have changed, until the signal aborts. */
  async *#changes(signal: AbortSignal): AsyncGenerator<undefined> {
    let wake: () => void = () => undefined;
    let changed = false;
    const unsubscribe = this.#node.on('peersChanged', () => {
      changed = true;
      wake();
    });
    const onAbort = (): void => wake();
    onceAborted(signal, onAbort);
    try {
      while (!signal.aborted) {
        if (!changed) await this.#nextWake((resolve) => (wake = resolve));
        changed = false;
        if (!signal.aborted) yield undefined;
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #nextWake(hand: (resolve: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(watchIntervalMs, resolve);
      hand(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}

function describe(condition: WaitCondition): string {
  switch (condition.kind) {
    case 'ready':
      return 'waiting until the node is ready';
    case 'peers':
      return `waiting for ${condition.count} peers`;
    case 'key':
      return `waiting for a value under ${JSON.stringify(condition.key)}`;
    case 'reachable':
      return 'waiting until other nodes can reach this one by itself';
  }
}
