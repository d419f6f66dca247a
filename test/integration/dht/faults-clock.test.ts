import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock, type Clock } from '../../../src/lib/base/clock.js';
import { MaculaNode, type MaculaError } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const hour = 3_600_000;
const year = 365 * 24 * hour;

/** A clock whose wall time can be set wrong while it runs, as by a faulty time server. */
class SettableClock implements Clock {
  offsetMs = 0;
  readonly nowMs = (): number => systemClock.nowMs();
  readonly setTimer: Clock['setTimer'] = (delayMs, callback) => systemClock.setTimer(delayMs, callback);

  wallMs(): number {
    return systemClock.wallMs() + this.offsetMs;
  }
}

describe('a node whose wall clock is set wrong while it runs', function () {
  this.timeout(30_000);
  const clock = new SettableClock();
  let directory: string;
  const nodes: MaculaNode[] = [];
  let changes = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-clock-'));
    for (const name of ['a', 'b', 'c']) {
      const bootstrapUrl = nodes.length === 0 ? [] : [`https://127.0.0.1:${nodes[0]!.listen[0]!.port}`];
      const settings = { dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, dhtLeaveMs: 0, bootstrapUrl };
      const node = new MaculaNode(settings, name === 'c' ? { clock } : {});
      nodes.push(node);
      await node.start();
    }
    await until(() => nodes.every((node) => node.dht.nodes().length === 2), 'they know each other');
    await until(() => nodes.every((node) => node.peers.countPeers().connected === 2), 'they are connected');
    for (let index = 0; index < 20; index++) await nodes[0]!.dht.put(`old ${index}`, 'value', { minReplicas: 3 });
    await nodes[0]!.dht.provide('procedure', 'add');
    nodes[2]!.on('peersChanged', () => changes++);
  });
  afterEach(() => void (clock.offsetMs = 0));
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  for (const [by, jumpMs] of [['an hour ahead', hour], ['an hour back', -hour], ['a year ahead', year], ['a year back', -year]] as const) {
    it(`by ${by} keeps its connections and its records, takes new ones, and finds providers`, async () => {
      const [a, , c] = nodes as [MaculaNode, MaculaNode, MaculaNode];
      const held = c.dht.stats().records;
      const found = await c.dht.findProviders('procedure', 'add');
      expect(found.providers.map(({ nodeId }) => nodeId)).to.deep.equal([a.nodeId]);
      changes = 0;
      clock.offsetMs = jumpMs;
      await a.dht.put(`new ${by}`, 'fresh', { minReplicas: 3 });
      expect(c.dht.stats().records).to.equal(held + 1);
      for (const quorum of ['one', 'majority'] as const) expect(Buffer.from((await c.dht.get(`new ${by}`, { quorum, fresh: true }))!.value).toString()).to.equal('fresh');
      for (let index = 0; index < 20; index++) expect((await c.dht.get(`old ${index}`, { quorum: 'one' }))?.publisher, `old ${index}`).to.equal(a.nodeId);
      const again = await c.dht.findProviders('procedure', 'add');
      expect([again.source, again.providers.map(({ nodeId }) => nodeId)]).to.deep.equal(['cache', [a.nodeId]]);
      expect(changes, 'peers that came or went').to.equal(0);
      expect(c.peers.countPeers().connected).to.equal(2);
    });
  }

  it('a year ahead cannot write, is told why by every replica, and can again once its clock is right', async () => {
    const [a, b, c] = nodes as [MaculaNode, MaculaNode, MaculaNode];
    clock.offsetMs = year;
    const failure = await c.dht.put('skewed', 'wrong', { minReplicas: 2 }).then(() => expect.fail('it was stored'), (error: MaculaError) => error);
    expect(failure.code).to.equal('MACULA_UNDER_REPLICATED');
    const answers = failure.details['answers'] as { nodeId: string; reason?: string }[];
    for (const { nodeId } of [a, b]) expect(answers.find((answer) => answer.nodeId === nodeId)).to.deep.include({ answer: 'refused', reason: 'future' });
    clock.offsetMs = 0;
    await c.dht.put('skewed', 'right', { minReplicas: 2 });
    for (const node of [a, b, c]) expect(Buffer.from((await node.dht.get('skewed', { fresh: true }))!.value).toString()).to.equal('right');
    for (const node of [a, b, c]) expect(Buffer.from((await node.dht.get('skewed', { quorum: 'one' }))!.value).toString()).to.equal('right');
  });
});
