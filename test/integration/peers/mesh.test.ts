import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAddress } from '../../../src/lib/base/address.js';
import { systemClock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import { Pins } from '../../../src/lib/identity/pins.js';
import { LocalAddresses } from '../../../src/lib/peers/local-addresses.js';
import { PeerBook } from '../../../src/lib/peers/peer-book.js';
import { Peers } from '../../../src/lib/peers/peers.js';
import { systemResolver } from '../../../src/lib/peers/system-resolver.js';
import { MeshSessionManager } from '../../../src/lib/session/session-manager.js';
import { openStore, type Store } from '../../../src/lib/store/store.js';
import type { QuicheEndpoint } from '../../../src/lib/transport/quiche-endpoint.js';
import { until } from '../session/node-fixture.js';
import { EndpointFixture, newIdentity } from '../transport/endpoint-fixture.js';

/** A node over real sockets with a store on disk. */
interface MeshNode {
  readonly identity: NodeIdentity;
  readonly port: number;
  readonly peers: Peers;
  readonly endpoint: QuicheEndpoint;
  stop(): Promise<void>;
}

describe('five nodes over real QUIC with their stores', function () {
  this.timeout(60_000);
  const endpoints = new EndpointFixture();
  let directory: string;
  const running = new Set<MeshNode>();

  before(async () => void (directory = await mkdtemp(join(tmpdir(), 'macula-mesh-'))));

  after(async () => {
    for (const node of running) await node.stop();
    await endpoints.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(identity: NodeIdentity, port: number, bootstrapUrl: string[]): Promise<MeshNode> {
    const settings: Settings = { ...defaultSettings(), quicPort: port, host: '127.0.0.1', keepaliveIntervalMs: 1000, reconnectMaxMs: 1000, bootstrapUrl };
    const { nodeId } = identity;
    const base = { clock: systemClock, random: systemRandom, logger: silentLogger, nodeId };
    const store: Store = await openStore(join(directory, nodeId), base);
    const pins = new Pins({ store: store.collection('pins'), clock: systemClock });
    const endpoint = await endpoints.start({ identity, settings });
    const localAddresses = new LocalAddresses({ interfaces: networkInterfaces, bound: () => endpoint.localAddresses }, settings);
    const sessions = new MeshSessionManager({ ...base, endpoint, isDenied: (id) => pins.isDenied(id), agent: 'test', capabilities: [], listenAddresses: () => localAddresses.list() }, settings);
    const book = new PeerBook({ ...base, store: store.collection('peers') }, settings);
    const peers = new Peers({ ...base, sessions, book, pins, resolver: systemResolver, localAddresses }, settings);
    await sessions.start();
    await peers.start();
    const node: MeshNode = {
      identity, endpoint, peers, port: endpoint.localAddresses[0]!.port,
      stop: async () => {
        running.delete(node);
        await peers.stop();
        await sessions.stop();
        await endpoint.stop();
        await store.close();
      },
    };
    running.add(node);
    return node;
  }

  async function untilMesh(nodes: readonly MeshNode[]): Promise<void> {
    const isMesh = (): boolean => nodes.every((node) => nodes.every(({ identity }) => identity === node.identity || node.peers.peer(identity.nodeId)?.state === 'connected'));
    await until(isMesh, 'a full mesh');
  }

  let nodes: MeshNode[];

  it('come to know each other, knowing only the first', async () => {
    const first = await start(await newIdentity(), 0, []);
    const url = `https://${formatAddress(first.endpoint.localAddresses[0]!)}`;
    nodes = [first, ...(await Promise.all(Array.from({ length: 4 }, async () => start(await newIdentity(), 0, [url]))))];
    await untilMesh(nodes);
    // Others may have connected to a node before its own dial of the first is done, which is a row of its own until then.
    const shown = (node: MeshNode): string => node.peers.listPeers().map(({ path, state }) => `${path} ${state}`).join(', ');
    const direct = Array(4).fill('direct connected').join(', ');
    await until(() => nodes.every((node) => shown(node) === direct), 'each lists the other four as direct');
    expect(nodes.map(shown)).to.deep.equal(Array(5).fill(direct));
  });

  it('keep each other when the first stops, and are five again when it returns', async () => {
    const { identity, port } = nodes[0]!;
    await nodes[0]!.stop();
    await untilMesh(nodes.slice(1));
    nodes[0] = await start(identity, port, []);
    await untilMesh(nodes);
  });

  it('find each other again from their stores alone', async () => {
    const before = nodes;
    for (const node of before) await node.stop();
    nodes = await Promise.all(before.map(({ identity, port }) => start(identity, port, [])));
    await untilMesh(nodes);
  });
});
