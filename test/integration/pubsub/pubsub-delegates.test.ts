import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode, type Settings } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const crowd = 12;
const topic = 'crowd.all';

describe(`a topic with ${crowd} subscribers whose publisher sends to 4 itself`, function () {
  this.timeout(60_000);
  let directory: string;
  let publisher: MaculaNode;
  const members: { readonly node: MaculaNode; readonly texts: string[]; readonly gaps: unknown[] }[] = [];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-delegates-'));
    publisher = await started('publisher', { pubsubDirectSubscribers: 4 });
    const bootstrapUrl = [`https://127.0.0.1:${publisher.listen[0]!.port}`];
    await Promise.all(Array.from({ length: crowd }, (_, index) => joined(`member${index}`, bootstrapUrl)));
    await publisher.pubsub.publish(topic, 'first', { qos: 1 });
    await until(() => publisher.pubsub.stats().subscribers === crowd, 'everybody has subscribed', 30_000);
  });
  after(async () => {
    await Promise.all([publisher, ...members.map(({ node }) => node)].map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  async function started(name: string, settings: Partial<Settings>): Promise<MaculaNode> {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    await node.start();
    return node;
  }

  async function joined(name: string, bootstrapUrl: string[]): Promise<void> {
    const member = { node: await started(name, { bootstrapUrl }), texts: [] as string[], gaps: [] as unknown[] };
    members.push(member);
    const options = { onGap: (gap: unknown) => void member.gaps.push(gap) };
    member.node.pubsub.subscribe(topic, options, ({ payload }) => void member.texts.push(Buffer.from(payload).toString()));
    await until(() => member.node.peers.countPeers().connected > 0, 'it has a peer', 30_000);
  }

  it('gets every message to each of them once, through delegates, also when one of these stops in the middle', async () => {
    const send = (from: number, to: number): Promise<unknown>[] => Array.from({ length: to - from }, (_, index) => publisher.pubsub.publish(topic, `m${from + index}`, { qos: 1 }));
    const results = await Promise.all(send(0, 50));
    for (const result of results) expect(result).to.include({ subscribers: crowd, delivered: crowd });
    expect(publisher.pubsub.stats().delegates).to.be.within(2, 5);
    const doomed = members.find(({ node }) => node.pubsub.stats().messagesForwarded > 0)!;
    const rest = send(50, 75);
    const stopped = doomed.node.stop();
    rest.push(...send(75, 100));
    await Promise.all([stopped, ...rest]);
    const all = Array.from({ length: 100 }, (_, index) => `m${index}`);
    for (const member of members) {
      if (member === doomed) continue;
      await until(() => member.texts.includes('m99'), 'the last message came');
      expect(member.texts.filter((text) => text !== 'first')).to.deep.equal(all);
      expect(member.gaps).to.deep.equal([]);
    }
  });
});
