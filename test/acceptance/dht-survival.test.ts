import { expect } from 'chai';
import { macula, onlyObject } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const count = 20;
/** Fewer replicas than nodes, so that nine nodes of twenty can be nearly all that hold a value. */
const replicas = 10;
const killed = 9;
/** Nodes whose processes start at once. */
const atOnce = 5;
/** Dead nodes are noticed soon. */
const env = { MACULA_DHT_BUCKET_SIZE: String(replicas), MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_REQUEST_TIMEOUT: '2s', MACULA_RECONNECT_MAX: '2s' };
const key = 'survivor';
const value = 'still here';

interface Trace {
  readonly holders: readonly string[];
}

async function trace(node: NodeProcess): Promise<Trace> {
  const { holders } = await node.control.dhtTrace({ key, timeoutMs: 30_000 });
  return { holders };
}

async function expectReadable(nodes: readonly NodeProcess[]): Promise<void> {
  const found = await Promise.all(nodes.map((node) => node.control.dhtGet({ key, fresh: true, timeoutMs: 30_000 })));
  expect(found.map((each) => each.value)).to.deep.equal(nodes.map(() => value));
}

/** Resolves once the routing table holds so many; lookups fill it. */
async function untilInMesh(node: NodeProcess, known: number): Promise<void> {
  await node.control.wait(`peers>=${known}`, 60_000);
  while ((await node.control.dhtNodes()).nodes.length < known) await trace(node);
}

describe(`${count} nodes in as many processes`, function () {
  this.timeout(90_000);
  const farm = new NodeFarm();
  const nodes: NodeProcess[] = [];
  let holders: NodeProcess[] = [];
  let survivors: NodeProcess[] = [];

  after(() => farm.close());

  const restart = (node: NodeProcess): Promise<NodeProcess> => farm.start(nameOf(node), { env, port: node.port });
  const nameOf = (node: NodeProcess): string => node.dataDir.split('/').at(-1)!;

  before(async () => {
    nodes.push(await farm.start('node-0', { env }));
    while (nodes.length < count) {
      const names = Array.from({ length: Math.min(atOnce, count - nodes.length) }, (_, index) => `node-${nodes.length + index}`);
      nodes.push(...(await Promise.all(names.map((name) => farm.start(name, { env, bootstrap: [nodes[0]!.url] })))));
    }
    for (const node of nodes) await untilInMesh(node, replicas);
  });

  it('read through every one what was put through one', async () => {
    const result = await macula(['dht', 'put', key, value, '--json', '--min-replicas', String(replicas), '--data-dir', nodes[3]!.dataDir]);
    expect(result.code, result.stdout).to.equal(0);
    expect(onlyObject(result)).to.include({ target: replicas });
    // One that answered late was replaced meanwhile, and counts as well.
    expect(onlyObject(result).replicas).to.be.at.least(replicas);
    await expectReadable(nodes);
  });

  it('name all holders in dht trace', async () => {
    const result = await macula(['dht', 'trace', key, '--json', '--data-dir', nodes[0]!.dataDir]);
    expect(result.code, result.stdout).to.equal(0);
    const { summary } = JSON.parse(result.stdout.trimEnd().split('\n').at(-1)!) as { summary: Trace };
    holders = nodes.filter(({ nodeId }) => summary.holders.includes(nodeId));
    expect(holders).to.have.length(summary.holders.length).and.to.have.length.at.least(replicas);
    // A replica that answered so late that the next closest node took its place holds the value, too; a trace names such a one where it passes by.
    const named = await Promise.all([nodes[7]!, nodes[19]!].map(async (node) => (await trace(node)).holders));
    const byAll = summary.holders.filter((holder) => named.every((each) => each.includes(holder)));
    expect(byAll, 'every replica is named by every trace').to.have.length.at.least(replicas);
  });

  it(`still read it when ${killed} of the holders are killed`, async () => {
    const victims = holders.slice(0, killed);
    await Promise.all(victims.map((node) => node.end('SIGKILL')));
    survivors = nodes.filter((node) => !victims.includes(node));
    await expectReadable(survivors);
  });

  it('have their records from their own disks when only the killed ones come back', async () => {
    const victims = holders.slice(0, killed);
    await Promise.all(survivors.map((node) => node.end('SIGKILL')));
    const back: NodeProcess[] = [];
    for (let next = 0; next < killed; next += atOnce) back.push(...(await Promise.all(victims.slice(next, next + atOnce).map(restart))));
    for (const node of back) expect((await node.control.dhtGet({ key, quorum: 'one', timeoutMs: 30_000 })).source).to.equal('local');
    await expectReadable(back);
  });
});

describe('three nodes, one of which is killed in the midst of a thousand puts', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  const acknowledged: string[] = [];
  let [writer, second, third] = [] as unknown as [NodeProcess, NodeProcess, NodeProcess];

  before(async () => {
    writer = await farm.start('writer', { env });
    [second, third] = await Promise.all([farm.start('second', { env, bootstrap: [writer.url] }), farm.start('third', { env, bootstrap: [writer.url] })]);
    for (const node of [writer, second, third]) await untilInMesh(node, 2);
  });
  after(() => farm.close());

  async function readAll(node: NodeProcess): Promise<number> {
    let read = 0;
    await inParallel(acknowledged, async (each) => {
      const found = await node.control.dhtGet({ key: each, quorum: 'one', timeoutMs: 30_000 });
      if (found.value === `value of ${each}`) read++;
    });
    return read;
  }

  it('acknowledge some of them, and the others fail', async () => {
    const keys = Array.from({ length: 1000 }, (_, index) => `key ${index}`);
    let killing: Promise<unknown> | undefined;
    await inParallel(keys, async (each) => {
      try {
        await writer.control.dhtPut({ key: each, value: `value of ${each}`, timeoutMs: 30_000 });
        acknowledged.push(each);
        if (acknowledged.length === 500) killing = writer.end('SIGKILL');
      } catch (error) {
        expect(acknowledged.length, String(error)).to.be.at.least(500);
      }
    });
    await killing;
    expect(acknowledged).to.have.length.within(500, 520);
  });

  it('have every acknowledged one on those that live', async () => {
    for (const node of [second, third]) expect(await readAll(node)).to.equal(acknowledged.length);
  });

  it('have every acknowledged one on the disk of the one that was killed', async () => {
    await Promise.all([second.end('SIGKILL'), third.end('SIGKILL')]);
    writer = await farm.start('writer', { env });
    expect(await readAll(writer)).to.equal(acknowledged.length);
  });
});

/** Runs `work` on each item, ten at a time. */
async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!);
  };
  await Promise.all(Array.from({ length: 10 }, worker));
}
