import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SocketAddress } from '../../../src/lib/base/address.js';
import { systemClock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import { Dht } from '../../../src/lib/dht/dht.js';
import { verifyPeerChain } from '../../../src/lib/identity/certificate-rules.js';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import { createSigner, rememberVerified, verifySignature } from '../../../src/lib/identity/signing.js';
import { PooledDhtTransport } from '../../../src/lib/node/dht-transport.js';
import { raceAddresses } from '../../../src/lib/peers/dial-race.js';
import { ConnectionPool } from '../../../src/lib/pool/connection-pool.js';
import { realmId } from '../../../src/lib/session/realm-proof.js';
import { MeshSessionManager } from '../../../src/lib/session/session-manager.js';
import { openStore, type Store } from '../../../src/lib/store/store.js';
import { QuicheEndpoint } from '../../../src/lib/transport/quiche-endpoint.js';
import { newIdentity } from '../transport/endpoint-fixture.js';

export interface DhtNode {
  readonly nodeId: string;
  readonly identity: NodeIdentity;
  readonly dataDir: string;
  readonly address: SocketAddress;
  readonly sessions: MeshSessionManager;
  readonly pool: ConnectionPool;
  readonly dht: Dht;
  /** Connects to another node. */
  join(other: Pick<DhtNode, 'nodeId' | 'address'>): Promise<void>;
  /** Stops in order, saying goodbye. */
  stop(): Promise<void>;
  /** Ends without leaving: peers see their connections close, nothing is handed over or withdrawn. */
  kill(): Promise<void>;
}

/** What a child process is to do. */
export interface ChildOrder {
  readonly nodes: number;
  readonly join?: Pick<DhtNode, 'nodeId' | 'address'>;
  /** Values its first node puts. */
  readonly puts: number;
}

/** A node in a child process. */
export type ChildNode = Pick<DhtNode, 'nodeId' | 'address' | 'identity' | 'dataDir'>;

/** Nodes of a mesh in this process: real sockets, real stores. */
export class DhtFixture {
  readonly #nodes = new Set<DhtNode>();
  readonly #directories = new Set<string>();

  /** @param last a node of which this one is the next life */
  async node(settings: Partial<Settings> = {}, last?: Pick<DhtNode, 'identity' | 'dataDir'>): Promise<DhtNode> {
    const identity = last?.identity ?? (await newIdentity());
    const dataDir = last?.dataDir ?? (await mkdtemp(join(tmpdir(), 'macula-dht-')));
    this.#directories.add(dataDir);
    const all = { ...defaultSettings(), quicPort: 0, host: '127.0.0.1', retrySampleRatio: 0, ...settings };
    const base = { clock: systemClock, random: systemRandom, logger: silentLogger };
    const store = await openStore(join(dataDir, 'store'), base);
    const endpoint = new QuicheEndpoint({ ...base, identity, verifyPeer: (chain) => verifyPeerChain(chain, systemClock.wallMs()) }, all);
    await endpoint.start();
    const { nodeId } = identity;
    const sessions = new MeshSessionManager(
      { ...base, endpoint, nodeId, isDenied: () => false, agent: 'test', capabilities: [], listenAddresses: () => endpoint.localAddresses },
      all,
    );
    await sessions.start();
    const pool = new ConnectionPool(
      {
        ...base, nodeId, sessions,
        addressBook: { resolve: async () => [] },
        dialler: {
          dial: (peer, addresses, signal) =>
            raceAddresses(systemClock, addresses, signal, (address, lost) => sessions.dial({ kind: 'direct', address }, { expectedId: peer, signal: lost })),
        },
      },
      all,
    );
    const dht = new Dht(
      {
        ...base, nodeId, realmId: realmId(all.realm), signer: createSigner(identity), verify: rememberVerified(verifySignature, 10_000), transport: new PooledDhtTransport({ pool, sessions }),
        records: store.collection('dht-records'), contacts: store.collection('dht-contacts'),
      },
      all,
    );
    await pool.start();
    await dht.start();
    const node: DhtNode = {
      nodeId, identity, dataDir, address: endpoint.localAddresses[0]!, sessions, pool, dht,
      join: async (other) => void (await pool.acquire(other.nodeId, { addresses: [other.address] })).release(),
      stop: async () => {
        if (!this.#nodes.delete(node)) return;
        await dht.stop();
        await this.#takeDown(node, endpoint, store);
      },
      kill: async () => {
        if (!this.#nodes.delete(node)) return;
        // With the endpoint gone first, none of what leaving has to say gets out.
        await endpoint.stop();
        await dht.stop();
        await this.#takeDown(node, endpoint, store);
      },
    };
    this.#nodes.add(node);
    return node;
  }

  /** `count` nodes, each of which joined through the first. */
  async mesh(count: number, settings: Partial<Settings> = {}): Promise<DhtNode[]> {
    const first = await this.node(settings);
    const nodes = [first];
    while (nodes.length < count) {
      const node = await this.node(settings);
      await node.join(first);
      nodes.push(node);
    }
    return nodes;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => node.kill()));
    for (const directory of this.#directories) await rm(directory, { recursive: true, force: true });
    this.#directories.clear();
  }

  async #takeDown({ pool, sessions }: DhtNode, endpoint: QuicheEndpoint, store: Store): Promise<void> {
    await pool.stop();
    await sessions.stop();
    await endpoint.stop();
    await store.close();
  }
}
