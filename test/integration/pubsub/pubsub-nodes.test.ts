import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode, type MaculaError, type PubSubMessage, type Settings } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: MaculaError) => error.code);
const textOf = ({ payload }: PubSubMessage): string => Buffer.from(payload).toString('utf8');

describe('publish/subscribe of embedded nodes', function () {
  this.timeout(60_000);
  let directory: string;
  let names = 0;
  const nodes: MaculaNode[] = [];
  let [a, b, c] = [] as unknown as [MaculaNode, MaculaNode, MaculaNode];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-pubsub-'));
    [a, b, c] = (await mesh(3)) as [MaculaNode, MaculaNode, MaculaNode];
  });
  after(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  async function started(settings: Partial<Settings> = {}): Promise<MaculaNode> {
    const node = new MaculaNode({ dataDir: join(directory, `node${names++}`), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    nodes.push(node);
    await node.start();
    return node;
  }

  async function mesh(count: number): Promise<MaculaNode[]> {
    const first = await started();
    const bootstrapUrl = [`https://127.0.0.1:${first.listen[0]!.port}`];
    const all = [first, ...(await Promise.all(Array.from({ length: count - 1 }, () => started({ bootstrapUrl }))))];
    await until(() => all.every((node) => node.dht.nodes().length === count - 1), 'they know each other', 30_000);
    return all;
  }

  /** Messages to a listener, once publishers know of the subscription. */
  async function collect(node: MaculaNode, pattern: string): Promise<{ messages: PubSubMessage[]; close: () => void }> {
    const messages: PubSubMessage[] = [];
    const subscription = node.pubsub.subscribe(pattern, {}, (message) => void messages.push(message));
    await node.pubsub.ready(subscription);
    return { messages, close: () => subscription.close() };
  }

  it('delivers to subscribers on other nodes and on its own, by topic and by pattern', async () => {
    const [exact, any, rest, own, other] = await Promise.all([collect(b, 'weather.zurich.rain'), collect(c, 'weather.*.rain'), collect(c, 'weather.>'), collect(a, 'weather.zurich.rain'), collect(b, 'weather.zurich.sun')]);
    const result = await a.pubsub.publish('weather.zurich.rain', 'much', { qos: 1 });
    expect(result).to.include({ topic: 'weather.zurich.rain', seq: 1, qos: 1, subscribers: 3, delivered: 3 });
    for (const { messages } of [exact!, any!, rest!, own!]) {
      expect(messages.map(textOf)).to.deep.equal(['much']);
      expect(messages[0]).to.include({ topic: 'weather.zurich.rain', publisher: a.nodeId, seq: 1, messageId: result.messageId });
    }
    expect(other!.messages).to.deep.equal([]);
    for (const { close } of [exact!, any!, rest!, own!, other!]) close();
  });

  it('finds subscribers that came before the first message, and those that came after it', async () => {
    const early = await collect(b, 'news.local');
    await a.pubsub.publish('news.local', 'first', { qos: 1 });
    const late = await collect(c, 'news.local');
    await a.pubsub.publish('news.local', 'second', { qos: 1 });
    expect(early.messages.map(textOf)).to.deep.equal(['first', 'second']);
    expect(late.messages.map(textOf)).to.deep.equal(['second']);
    early.close();
    late.close();
  });

  it('delivers what many publish at once in order, each message once', async () => {
    const { messages, close } = await collect(c, 'burst.>');
    const sent = Array.from({ length: 500 }, (_, index) => String(index));
    await Promise.all([a, b].flatMap((node) => sent.map((text) => node.pubsub.publish('burst.all', text, { qos: 1 }))));
    for (const { nodeId } of [a, b]) expect(messages.filter(({ publisher }) => publisher === nodeId).map(textOf)).to.deep.equal(sent);
    close();
  });

  it('is read as an async iterator, which ends when it is left', async () => {
    const subscription = b.pubsub.subscribe('letters');
    await b.pubsub.ready(subscription);
    for (const letter of ['a', 'b', 'c']) await a.pubsub.publish('letters', letter);
    const read: string[] = [];
    for await (const message of subscription) if (read.push(textOf(message)) === 3) break;
    expect(read).to.deep.equal(['a', 'b', 'c']);
    expect(subscription.isClosed).to.equal(true);
    expect(b.pubsub.stats().subscriptions).to.equal(0);
  });

  it('no longer counts or reaches who unsubscribed', async () => {
    const { messages, close } = await collect(b, 'left');
    await a.pubsub.publish('left', 'x', { qos: 1 });
    close();
    await until(() => a.pubsub.stats().subscribers === 0, 'it unsubscribed');
    expect(await a.pubsub.publish('left', 'y', { qos: 1 })).to.include({ subscribers: 0, delivered: 0 });
    expect(messages).to.have.length(1);
  });

  it('a subscriber that never reads loses its own messages alone, counted and told', async () => {
    const lazy = b.pubsub.subscribe('flood', { queueMessages: 10 });
    const prompt = await collect(b, 'flood');
    const elsewhere = await collect(c, 'flood');
    await b.pubsub.ready(lazy);
    const sent = Array.from({ length: 100 }, (_, index) => String(index));
    await Promise.all(sent.map((text) => a.pubsub.publish('flood', text, { qos: 1 })));
    for (const { messages } of [prompt, elsewhere]) expect(messages.map(textOf)).to.deep.equal(sent);
    expect(lazy.dropped).to.equal(90);
    const events = lazy.events();
    expect((await events.next()).value).to.deep.equal({ type: 'gap', gap: { topic: 'flood', publisher: a.nodeId, qos: 1, fromSeq: 1, toSeq: 90, missed: 90, reason: 'slow' } });
    expect((await events.next()).value).to.have.nested.property('message.seq', 91);
    for (const subscription of [lazy, prompt, elsewhere]) subscription.close();
  });

  it('holds the publisher up where the setting says so, and loses nothing', async () => {
    const patient = await started({ bootstrapUrl: [`https://127.0.0.1:${a.listen[0]!.port}`], pubsubOverflow: 'block', pubsubQueueMessages: 5, pubsubBatchMessages: 2 });
    const { messages, close } = await collect(c, 'patience');
    await patient.pubsub.publish('patience', 'first', { qos: 1 });
    await Promise.all(Array.from({ length: 300 }, (_, index) => patient.pubsub.publish('patience', String(index))));
    await until(() => messages.length === 301, 'all came');
    expect(patient.pubsub.stats().messagesDropped.overflow).to.equal(0);
    close();
  });

  it('says that nobody subscribes, where somebody has to', async () => {
    expect(await codeOf(a.pubsub.publish('nobody', 'x', { requireSubscribers: true }))).to.equal('MACULA_NO_SUBSCRIBERS');
    expect(await a.pubsub.publish('nobody', 'x')).to.include({ subscribers: 0, delivered: 0 });
  });

  it('carries the largest message, and refuses a larger one', async () => {
    const { messages, close } = await collect(c, 'large');
    const bytes = Buffer.alloc(1024 * 1024, 7);
    await a.pubsub.publish('large', bytes, { qos: 1 });
    expect(Buffer.from(messages[0]!.payload).equals(bytes)).to.equal(true);
    expect(await codeOf(a.pubsub.publish('large', Buffer.alloc(bytes.length + 1)))).to.equal('MACULA_VALUE_TOO_LARGE');
    close();
  });
});
