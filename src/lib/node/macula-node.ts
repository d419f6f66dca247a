import type { SocketAddress } from '../base/address.js';
import { formatAddress } from '../base/address.js';
import { systemClock, type Clock } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import { silentLogger, type Logger } from '../base/logger.js';
import { systemRandom, type RandomSource } from '../base/random.js';
import { embeddedSettings } from '../config/embedded-settings.js';
import type { Settings } from '../config/schema.js';
import type { EffectiveConfig, NodeStatus } from '../control/protocol.js';
import type { KeyType } from '../identity/identity.js';
import { loadOrCreateIdentity } from '../identity/key-store.js';
import type { NodeId } from '../identity/node-id.js';
import { portMappingReport } from '../nat/nat-report.js';
import type { HealthReport } from '../observability/health-rules.js';
import { Metrics } from '../observability/metrics.js';
import { logTelemetry } from '../observability/telemetry-log.js';
import { Telemetry } from '../observability/telemetry.js';
import { LocalSubscriptions } from '../pubsub/local-subscriptions.js';
import type { PoolStats } from '../pool/pool-stats.js';
import { addBuiltIns } from '../rpc/built-ins.js';
import { ProcedureRegistry } from '../rpc/procedure-registry.js';
import { prepareDataDir } from '../store/data-dir.js';
import { lockDataDir, type DataDirLock } from '../store/data-dir-lock.js';
import { addBenchResponders } from './bench-responders.js';
import { buildTree } from './compose.js';
import { NodeControl } from './control-handlers.js';
import { metricSources } from './metric-sources.js';
import { NodeDht } from './node-dht.js';
import { NodeHealth } from './node-health.js';
import { NodeNat } from './node-nat.js';
import { NodeParts } from './node-parts.js';
import { NodePeers } from './node-peers.js';
import { NodePubSub } from './node-pubsub.js';
import { NodeRpc } from './node-rpc.js';
import { countPaths, trafficOf, sizeOfDht, sizeOfPool } from './node-status.js';
import type { Supervisor } from './supervisor.js';
import { observeProcedures } from './telemetry-sources.js';
import { version } from './version.js';

export interface MaculaNodeComponents {
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Answered on the control socket's /v1/config. */
  readonly config?: EffectiveConfig;
}

export interface MaculaNodeEvents {
  /** A peer came, went or could not be reached. */
  peersChanged: void;
  /** Somebody asked over the control socket to stop the node. */
  stopRequested: void;
  /** The node cannot go on and has stopped. */
  failed: Error;
}

/**
 * A node of the mesh, with every capability a node has. Settings not given have their defaults; neither flags nor
 * environment count.
 *
 * ```ts
 * const node = new MaculaNode({ dataDir: './data' });
 * await node.start();
 * ```
 */
export class MaculaNode implements Service {
  readonly settings: Settings;
  readonly peers: NodePeers;
  readonly dht: NodeDht;
  readonly pubsub: NodePubSub;
  readonly rpc: NodeRpc;
  readonly nat: NodeNat;
  readonly #parts = new NodeParts();
  readonly #subscriptions: LocalSubscriptions;
  readonly #emitter = new Emitter<MaculaNodeEvents>();
  readonly #health: NodeHealth;
  readonly #tree: Supervisor;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #logger: Logger;
  #lock: DataDirLock | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  /** @throws MaculaError MACULA_INVALID_CONFIG with every wrong value in its details */
  constructor(settings: Partial<Settings> = {}, components: MaculaNodeComponents = {}) {
    this.settings = embeddedSettings(settings);
    this.#clock = components.clock ?? systemClock;
    this.#random = components.random ?? systemRandom;
    this.#logger = components.logger ?? silentLogger;
    const parts = this.#parts;
    this.peers = new NodePeers({ parts, clock: this.#clock });
    this.dht = new NodeDht({ parts });
    this.#subscriptions = new LocalSubscriptions({ logger: this.#logger }, this.settings);
    this.pubsub = new NodePubSub({ parts, subscriptions: this.#subscriptions, clock: this.#clock }, this.settings);
    const procedures = new ProcedureRegistry(this.settings);
    addBuiltIns(procedures, () => ({ nodeId: this.nodeId, version, realm: this.settings.realm, uptimeSeconds: Math.floor(this.#health.uptimeMs / 1000) }));
    addBenchResponders({ registry: procedures, pubsub: this.pubsub, clock: this.#clock });
    this.rpc = new NodeRpc({ parts, registry: procedures });
    this.nat = new NodeNat({ parts });
    this.#health = new NodeHealth({ parts, clock: this.#clock }, this.settings);
    const telemetry = new Telemetry({ node: () => parts.identity?.nodeId });
    logTelemetry(telemetry, this.#logger);
    const metrics = new Metrics({ sources: metricSources(parts, this.#health), telemetry }, { version });
    observeProcedures(telemetry, procedures);
    telemetry.on('peers:connected', () => this.#health.joined());
    this.#tree = buildTree(
      {
        parts,
        subscriptions: this.#subscriptions,
        procedures,
        clock: this.#clock,
        random: this.#random,
        logger: this.#logger,
        handlers: new NodeControl({ node: this, clock: this.#clock, random: this.#random, metrics, config: components.config }),
        metrics,
        telemetry,
        onRestart: (subsystem, error) => {
          parts.restarts.count(subsystem);
          telemetry.publish('node:restarted', { subsystem, error: error.message });
        },
        health: () => this.#health.report(),
        onPeersChanged: () => this.#emitter.emit('peersChanged', undefined),
      },
      this.settings,
    );
    this.#tree.onFailure((error) => void this.#fail(error));
  }

  on<Name extends keyof MaculaNodeEvents>(name: Name, listener: (value: MaculaNodeEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** The node's id; known once it has started. @throws MaculaError MACULA_NO_NODE before */
  get nodeId(): NodeId {
    return this.#parts.running('identity').nodeId;
  }

  /** Bound UDP addresses; empty while the socket is not bound. */
  get listen(): readonly SocketAddress[] {
    return this.#parts.endpoint?.localAddresses ?? [];
  }

  get metricsUrl(): string | undefined {
    return this.#parts.listener?.url;
  }

  /**
   * Takes the data directory, loads or makes the identity, and starts everything. A node starts once.
   * @throws MaculaError MACULA_ALREADY_RUNNING, MACULA_PORT_IN_USE, MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED, and what is wrong
   * with key or certificate (docs/TLS.md)
   */
  start(): Promise<void> {
    return (this.#starting ??= this.#start());
  }

  async #start(): Promise<void> {
    const { dataDir, certPath, keyPath, keyType } = this.settings;
    const components = { clock: this.#clock, random: this.#random };
    this.#health.state = 'starting';
    this.#health.startedAtMs = this.#clock.nowMs();
    try {
      await prepareDataDir(dataDir);
      this.#lock = await lockDataDir(dataDir, components, { version });
      const { identity, created } = await loadOrCreateIdentity({ certPath, keyPath, keyType: keyType as KeyType }, components);
      this.#parts.identity = identity;
      if (created) this.#logger.info('made a new identity', { nodeId: identity.nodeId, certPath, keyPath });
      await this.#tree.start();
      this.#health.state = 'started';
      this.#logger.info('node is ready', { nodeId: identity.nodeId, realm: this.settings.realm, listen: this.listen.map(formatAddress), version });
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Refuses new work, lets requests under way finish (drainTimeoutMs), and stops everything. */
  stop(): Promise<void> {
    return (this.#stopping ??= this.#stop());
  }

  async #stop(): Promise<void> {
    if (this.#health.state === 'stopped') return;
    this.#health.state = 'stopping';
    this.#subscriptions.closeAll();
    await this.#tree.stop();
    await this.#lock?.release();
    this.#health.state = 'stopped';
    this.#logger.info('node has stopped');
  }

  async #fail(error: Error): Promise<void> {
    this.#health.failure = error.message;
    this.#logger.error('the node cannot go on', { error: error.message });
    await this.stop();
    this.#emitter.emit('failed', error);
  }

  /** Asks whoever runs this node to stop it. */
  requestStop(): void {
    this.#emitter.emit('stopRequested', undefined);
  }

  /** Connections to other nodes, and what the pool did with them. @throws MaculaError MACULA_NO_NODE */
  poolStats(options: { connections?: boolean } = {}): PoolStats {
    return this.#parts.running('pool').stats(options);
  }

  /** Whether the node is alive and ready, and what its operator should know, as `/health` says. */
  health(): HealthReport {
    return this.#health.report();
  }

  /** What `macula node status` shows. @throws MaculaError MACULA_NO_NODE before the node has its identity */
  status(): NodeStatus {
    const { state } = this.#health;
    if (state === 'stopped') throw new MaculaError('MACULA_NO_NODE', 'the node is not running');
    const report = this.#health.report();
    const observed = this.nat.publicAddress() ?? this.#parts.localAddresses?.observedAddress();
    return {
      nodeId: this.nodeId,
      realm: this.settings.realm,
      version,
      pid: process.pid,
      uptimeSeconds: Math.floor(this.#health.uptimeMs / 1000),
      state: state === 'started' ? (report.ready ? 'ready' : 'degraded') : state,
      listen: [...this.listen],
      publicAddress: observed ? formatAddress(observed) : null,
      nat: this.nat.kind(),
      portMapping: portMappingReport(this.nat.portMapping),
      traffic: trafficOf(this.#parts.endpoint?.stats()),
      peers: countPaths(this.#parts.peers?.listPeers() ?? []),
      relays: this.#parts.relayClient?.relays().map(({ nodeId }) => nodeId) ?? [],
      dht: this.#parts.dht ? sizeOfDht(this.#parts.dht.stats()) : null,
      pool: this.#parts.pool ? sizeOfPool(this.#parts.pool.stats()) : null,
      controlSocket: this.settings.socket,
      metricsUrl: this.metricsUrl ?? null,
      warnings: [...report.warnings],
    };
  }
}
