import { expect } from 'chai';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

/** Short keepalives, so that a node that was killed is noticed soon. */
const env = { MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_REQUEST_TIMEOUT: '1s', MACULA_RECONNECT_MAX: '1s' };

async function expectFullMesh(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(
    nodes.map(async (node) => {
      const others = nodes.filter((other) => other !== node).map((other) => other.nodeId);
      await node.untilConnectedTo(others);
    }),
  );
}

describe('five nodes in five processes, four of them knowing only the first', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  const names = ['first', 'second', 'third', 'fourth', 'fifth'];
  let nodes: NodeProcess[];

  after(() => farm.close());

  it('come to know each other', async () => {
    const first = await farm.start('first', { env });
    const rest = await Promise.all(names.slice(1).map((name) => farm.start(name, { env, bootstrap: [first.url] })));
    nodes = [first, ...rest];
    await expectFullMesh(nodes);
  });

  it('keep each other when the first is killed', async () => {
    const [first, ...rest] = nodes as [NodeProcess, ...NodeProcess[]];
    await first.end('SIGKILL');
    await expectFullMesh(rest);
  });

  it('are all five again when the first comes back', async () => {
    const killed = nodes[0]!;
    nodes[0] = await farm.start('first', { env, port: killed.port });
    expect(nodes[0].nodeId, 'same identity after a restart').to.equal(killed.nodeId);
    await expectFullMesh(nodes);
  });

  it('find each other again when all are restarted with no bootstrap set', async () => {
    const ports = nodes.map((node) => node.port);
    const codes = await Promise.all(nodes.map((node) => node.end('SIGTERM')));
    expect(codes).to.deep.equal([0, 0, 0, 0, 0]);
    nodes = await Promise.all(names.map((name, index) => farm.start(name, { env, port: ports[index]! })));
    await expectFullMesh(nodes);
  });
});
