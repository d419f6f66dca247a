import { formatAddress } from '../../../src/lib/base/address.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import { Pins, type PinRecord } from '../../../src/lib/identity/pins.js';
import { LocalAddresses } from '../../../src/lib/peers/local-addresses.js';
import { PeerBook, type KnownPeer } from '../../../src/lib/peers/peer-book.js';
import { Peers } from '../../../src/lib/peers/peers.js';
import { MemoryKeyValue } from '../../support/memory-key-value.js';
import { SessionNetwork, type SessionNode } from '../../support/session-nodes.js';

/** A node with its peers; `store` and `pins` outlive a restart of them. */
export interface PeersNode extends SessionNode {
  readonly url: string;
  readonly settings: Settings;
  readonly store: MemoryKeyValue<KnownPeer>;
  readonly pins: Pins;
  /** Logged warnings. */
  readonly warnings: Record<string, unknown>[];
  peers: Peers;
}

/** Nodes in memory that keep each other connected, under virtual time. */
export class PeersLab {
  readonly network = new SessionNetwork({ latencyMs: 5 });
  readonly clock = this.network.clock;
  /** Names that resolve, beside literals. */
  readonly names = new Map<string, string[]>();
  readonly nodes: PeersNode[] = [];
  #seed = 100;

  async node(letter: string, changed: Partial<Settings> = {}): Promise<PeersNode> {
    const settings = { ...defaultSettings(), ...changed };
    const base = await this.network.node(letter, changed);
    const store = new MemoryKeyValue<KnownPeer>();
    const pins = new Pins({ store: new MemoryKeyValue<PinRecord>(), clock: this.clock });
    const node = { ...base, url: `https://${formatAddress(base.endpoint.address)}`, settings, store, pins, warnings: [] } as unknown as PeersNode;
    node.peers = this.peersOf(node, settings);
    this.nodes.push(node);
    return node;
  }

  /** New peers for a node, as after a restart of its process with these settings. */
  peersOf(node: PeersNode, settings: Settings): Peers {
    return new Peers(
      {
        nodeId: node.nodeId,
        sessions: node.sessions,
        book: new PeerBook({ store: node.store, clock: this.clock, logger: silentLogger }, settings),
        pins: node.pins,
        resolver: { resolve: (host) => (/^[\d.]+$/.test(host) ? Promise.resolve([host]) : this.#lookup(host)) },
        localAddresses: new LocalAddresses({ interfaces: () => ({}), bound: () => node.endpoint.localAddresses }, settings),
        clock: this.clock,
        random: seededRandom(this.#seed++),
        logger: { ...silentLogger, warn: (_message, fields) => void node.warnings.push(fields ?? {}) },
      },
      settings,
    );
  }

  /** The process of a node is killed. */
  async crash(node: PeersNode): Promise<void> {
    node.endpoint.crash();
    await node.peers.stop();
    await this.clock.advanceAsync(10);
  }

  /** The node comes back at its address, with other settings if given. */
  async restart(node: PeersNode, changed: Partial<Settings> = {}): Promise<void> {
    await node.endpoint.start();
    node.peers = this.peersOf(node, { ...node.settings, ...changed });
    await node.peers.start();
  }

  /** Whether each of the nodes is connected to all others of them. */
  isMesh(nodes: readonly PeersNode[]): boolean {
    return nodes.every((node) => nodes.every((other) => other === node || node.peers.peer(other.nodeId)?.state === 'connected'));
  }

  async close(): Promise<void> {
    for (const { peers } of this.nodes) await peers.stop();
  }

  #lookup(host: string): Promise<string[]> {
    const found = this.names.get(host);
    return found ? Promise.resolve(found) : Promise.reject(new Error(`ENOTFOUND ${host}`));
  }
}
