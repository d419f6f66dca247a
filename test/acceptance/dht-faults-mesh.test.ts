import { expect } from 'chai';
import { NodeFarm, untilKnown, type NodeProcess } from '../support/node-process.js';

/** Silence is noticed soon, after 5 s, and a watchdog that took a process stopped that long for a hanging one would show; a start on a busy machine must not. */
const env = {
  MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_IDLE_TIMEOUT: '5s', MACULA_REQUEST_TIMEOUT: '2s', MACULA_RECONNECT_MAX: '2s', MACULA_WATCHDOG_TIMEOUT: '4s',
};
const timeoutMs = 30_000;

const idsOf = (nodes: readonly NodeProcess[]): string[] => nodes.map(({ nodeId }) => nodeId);

/** Resolves once each is connected to exactly all others, and has them in its routing table, by which a trace finds holders. */
async function untilMesh(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.untilConnectedTo(idsOf(nodes.filter((other) => other !== node)))));
  await Promise.all(nodes.map((node) => untilKnown(node, nodes.filter((other) => other !== node))));
}

/** Puts a value through one node and reads it through all, from the network and from their own disks. */
async function expectToWork(nodes: readonly NodeProcess[], writer: NodeProcess, key: string): Promise<void> {
  await writer.control.dhtPut({ key, value: `value of ${key}`, minReplicas: nodes.length, timeoutMs });
  await expectEverywhere(nodes, key);
}

async function expectEverywhere(nodes: readonly NodeProcess[], key: string): Promise<void> {
  for (const node of nodes) {
    expect((await node.control.dhtGet({ key, fresh: true, timeoutMs })).value).to.equal(`value of ${key}`);
    expect((await node.control.dhtTrace({ key, timeoutMs })).holders).to.include.members(idsOf(nodes));
  }
}

describe('a mesh whose bootstrap nodes are gone', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  let bootstrap: readonly string[];
  let nodes: NodeProcess[];

  before(async () => {
    const gates = await Promise.all(['gate-0', 'gate-1'].map((name) => farm.start(name, { env })));
    bootstrap = gates.map(({ url }) => url);
    nodes = await Promise.all(['x', 'y', 'z'].map((name) => farm.start(name, { env, bootstrap })));
    await Promise.all(nodes.map((node) => node.untilConnectedTo(idsOf([...gates, ...nodes].filter((other) => other !== node)))));
    await nodes[0]!.control.dhtPut({ key: 'early', value: 'value of early', minReplicas: 5, timeoutMs });
    await Promise.all(gates.map((gate) => gate.end('SIGKILL')));
  });
  after(() => farm.close());

  it('goes on: what was put is read and more is put', async () => {
    await untilMesh(nodes);
    await expectEverywhere(nodes, 'early');
    await expectToWork(nodes, nodes[1]!, 'without gates');
  });

  it('takes a node back that was stopped until all had given it up, with what was put in the meantime', async () => {
    const [x, y, z] = nodes as [NodeProcess, NodeProcess, NodeProcess];
    z.child.kill('SIGSTOP');
    try {
      await untilMesh([x, y]);
      await x.control.dhtPut({ key: 'meantime', value: 'value of meantime', minReplicas: 2, timeoutMs });
    } finally {
      z.child.kill('SIGCONT');
    }
    await untilMesh(nodes);
    expect(z.child.exitCode).to.equal(null);
    expect((await z.control.dhtGet({ key: 'meantime', fresh: true, timeoutMs })).value).to.equal('value of meantime');
    expect((await x.control.dhtTrace({ key: 'early', timeoutMs })).holders).to.include(z.nodeId);
    await expectToWork(nodes, z, 'rejoined');
  });

  it('comes back from nothing but the peers each remembers, and finds the values', async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    nodes = await Promise.all(nodes.map(({ port, dataDir }) => farm.start(dataDir.split('/').at(-1)!, { env, bootstrap, port })));
    await untilMesh(nodes);
    for (const key of ['early', 'without gates', 'rejoined']) await expectEverywhere(nodes, key);
    await expectToWork(nodes, nodes[0]!, 'after the restart');
  });
});
