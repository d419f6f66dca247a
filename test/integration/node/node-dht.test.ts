import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaNode, type MaculaError, type Settings } from '../../../src/lib/index.js';
import { until } from '../session/node-fixture.js';

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: MaculaError) => error.code);

describe('the DHT of embedded nodes', function () {
  this.timeout(30_000);
  let directory: string;
  const nodes: MaculaNode[] = [];

  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'macula-dht-'))));
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  function build(name: string, settings: Partial<Settings> = {}): MaculaNode {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
    nodes.push(node);
    return node;
  }

  /** Nodes that all know each other. */
  async function mesh(...names: string[]): Promise<MaculaNode[]> {
    const first = build(names[0]!);
    await first.start();
    const rest = names.slice(1).map((name) => build(name, { bootstrapUrl: [`https://127.0.0.1:${first.listen[0]!.port}`] }));
    await Promise.all(rest.map((node) => node.start()));
    const all = [first, ...rest];
    await until(() => all.every((node) => node.dht.nodes().length === names.length - 1), 'they know each other');
    return all;
  }

  it('does nothing before start and after stop', async () => {
    const node = build('a');
    expect(await codeOf(node.dht.put('k', 'v'))).to.equal('MACULA_NO_NODE');
    await node.start();
    await node.dht.put('k', 'v');
    await node.stop();
    expect(await codeOf(node.dht.get('k'))).to.equal('MACULA_NO_NODE');
  });

  it('takes text and bytes, and returns bytes', async () => {
    const [a, b] = (await mesh('a', 'b')) as [MaculaNode, MaculaNode];
    expect(await a.dht.put('text', 'ä')).to.include({ replicas: 2, target: 2, quorum: 2 });
    await a.dht.put('bytes', Uint8Array.of(0, 255));
    expect(Buffer.from((await b.dht.get('text'))!.value).toString('utf8')).to.equal('ä');
    expect([...(await b.dht.get('bytes'))!.value]).to.deep.equal([0, 255]);
    expect(await b.dht.get('nothing')).to.equal(undefined);
    expect(a.status()).to.deep.include({ dht: { nodes: 1, records: 2 }, pool: { size: 1, max: 1000 } });
  });

  it('finds providers, and none after they withdrew or stopped', async () => {
    const [a, b, c] = (await mesh('a', 'b', 'c')) as [MaculaNode, MaculaNode, MaculaNode];
    const providers = async (): Promise<string[]> => (await c.dht.findProviders('procedure', 'add', { fresh: true })).providers.map(({ nodeId }) => nodeId);
    await Promise.all([a, b].map((node) => node.dht.provide('procedure', 'add')));
    expect(await providers()).to.have.members([a.nodeId, b.nodeId]);
    expect((await c.dht.findProviders('topic', 'add')).providers).to.deep.equal([]);
    await a.dht.unprovide('procedure', 'add');
    expect(await providers()).to.deep.equal([b.nodeId]);
    await b.stop();
    expect(await providers()).to.deep.equal([]);
  });

  it('finds nodes by id, itself traced as a holder of what it holds', async () => {
    const [a, b, c] = (await mesh('a', 'b', 'c')) as [MaculaNode, MaculaNode, MaculaNode];
    expect((await a.dht.findNode(c.nodeId)).nodes[0]).to.include({ nodeId: c.nodeId });
    await a.dht.put('k', 'v');
    expect((await b.dht.trace('k')).holders).to.have.members([a.nodeId, b.nodeId, c.nodeId]);
  });

  it('ends an operation when its signal aborts', async () => {
    const [a] = await mesh('a', 'b');
    expect(await codeOf(a!.dht.get('k', { signal: AbortSignal.abort() }))).to.equal('MACULA_ABORTED');
  });

  it('knows its mesh again after a restart, with no bootstrap set', async () => {
    const [a, b] = (await mesh('a', 'b')) as [MaculaNode, MaculaNode];
    await a.dht.put('k', 'v');
    await b.stop();
    const again = build('b');
    await again.start();
    await until(() => again.dht.nodes().some(({ nodeId }) => nodeId === a.nodeId), 'it knows the other');
    expect((await again.dht.get('k', { fresh: true }))?.publisher).to.equal(a.nodeId);
  });
});
