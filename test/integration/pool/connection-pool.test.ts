import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import { raceAddresses } from '../../../src/lib/peers/dial-race.js';
import { ConnectionPool } from '../../../src/lib/pool/connection-pool.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { NodeFixture, until, type RealNode } from '../session/node-fixture.js';

const ask = FrameType.call;

interface PooledNode extends RealNode {
  readonly pool: ConnectionPool;
}

describe('connection pool over QUIC', () => {
  const fixture = new NodeFixture();
  const pools: ConnectionPool[] = [];
  let nodes: PooledNode[] = [];

  async function pooledNode(settings: Partial<Settings> = {}): Promise<PooledNode> {
    const node = await fixture.node(settings);
    const pool = new ConnectionPool(
      {
        nodeId: node.nodeId, sessions: node.sessions, clock: systemClock, random: systemRandom,
        addressBook: { resolve: async (nodeId) => nodes.filter((other) => other.nodeId === nodeId).map(({ route }) => route.address) },
        dialler: {
          dial: (nodeId, addresses, signal) =>
            raceAddresses(systemClock, addresses, signal, (address, lost) => node.sessions.dial({ kind: 'direct', address }, { expectedId: nodeId, signal: lost })),
        },
      },
      { ...defaultSettings(), ...settings },
    );
    pool.serve(ask, FrameType.reply, (body) => [body, node.nodeId]);
    await pool.start();
    pools.push(pool);
    const pooled = { ...node, pool };
    nodes.push(pooled);
    return pooled;
  }

  afterEach(async () => {
    await Promise.all(pools.splice(0).map((pool) => pool.stop()));
    await fixture.close();
    nodes = [];
  });

  it('carries 100 requests at once over one connection, and answers over the same', async () => {
    const [a, b] = [await pooledNode(), await pooledNode()];
    const replies = await Promise.all(Array.from({ length: 100 }, (_, index) => a.pool.request(b.nodeId, ask, index)));
    expect(replies).to.deep.equal(Array.from({ length: 100 }, (_, index) => [index, b.nodeId]));
    await until(() => b.opened.length > 0, 'the other side knows');
    expect(await b.pool.request(a.nodeId, ask, 'back')).to.deep.equal(['back', a.nodeId]);
    expect([a.pool.stats().dials, b.pool.stats().dials]).to.deep.equal([1, 0]);
    expect([a.endpoint.connections().length, b.endpoint.connections().length]).to.deep.equal([1, 1]);
  });

  it('settles on one connection when two nodes ask each other at the same time', async () => {
    const [a, b] = [await pooledNode(), await pooledNode()];
    const replies = await Promise.all([a.pool.request(b.nodeId, ask, 1), b.pool.request(a.nodeId, ask, 2)]);
    expect(replies).to.deep.equal([[1, b.nodeId], [2, a.nodeId]]);
    await until(() => [a, b].every(({ endpoint }) => endpoint.connections().length === 1), 'one connection is left');
    expect(await Promise.all([a.pool.request(b.nodeId, ask, 3), b.pool.request(a.nodeId, ask, 4)])).to.deep.equal([[3, b.nodeId], [4, a.nodeId]]);
    expect([a.pool.stats().size, b.pool.stats().size]).to.deep.equal([1, 1]);
  });

  it('walks round twelve peers with room for four', async () => {
    const a = await pooledNode({ poolMax: 4 });
    const others: PooledNode[] = [];
    for (let index = 0; index < 12; index++) others.push(await pooledNode());
    for (let round = 0; round < 2; round++) {
      for (const other of others) {
        expect(await a.pool.request(other.nodeId, ask, round)).to.deep.equal([round, other.nodeId]);
        expect(a.sessions.list()).to.have.length.at.most(4);
      }
    }
    expect(a.pool.stats()).to.deep.include({ size: 4, dials: 24, evictions: { lru: 20, idle: 0, failed: 0 } });
  });

  it('dials anew when the peer has closed the connection', async () => {
    const [a, b] = [await pooledNode(), await pooledNode()];
    await a.pool.request(b.nodeId, ask, 1);
    const old = a.sessions.get(b.nodeId)!;
    await b.sessions.get(a.nodeId)!.close(0x0c, 'gone');
    expect(await a.pool.request(b.nodeId, ask, 2, { idempotent: true })).to.deep.equal([2, b.nodeId]);
    expect(a.sessions.get(b.nodeId)).not.to.equal(old);
    expect(a.pool.stats().dials).to.equal(2);
  });
});
