import { expect } from 'chai';
import { describeInLab, NetworkLab, type LabHost } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const env = { MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_IDLE_TIMEOUT: '5s', MACULA_REQUEST_TIMEOUT: '2s', MACULA_RECONNECT_MAX: '2s' };
const timeoutMs = 30_000;
const perSide = 3;

async function untilMesh(nodes: readonly NodeProcess[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.untilConnectedTo(nodes.filter((other) => other !== node).map(({ nodeId }) => nodeId))));
}

async function read(node: NodeProcess, key: string): Promise<string | undefined> {
  return node.control.dhtGet({ key, fresh: true, timeoutMs }).then(({ value }) => value, () => undefined);
}

/** Resolves once all nodes read this, within the test's own time limit. */
async function untilAllRead(nodes: readonly NodeProcess[], key: string, value: string): Promise<void> {
  for (const node of nodes) while ((await read(node, key)) !== value);
}

describeInLab('a mesh that is cut in halves', function () {
  // Healing has to take less than a minute.
  this.timeout(60_000);
  const farm = new NodeFarm();
  let lab: NetworkLab;
  let cable: LabHost;
  let [left, right] = [[], []] as [NodeProcess[], NodeProcess[]];

  before(async () => {
    lab = new NetworkLab();
    const bridges = [lab.bridge(), lab.bridge()] as const;
    cable = bridges[0];
    cable.ip(`link add across type veth peer name across netns ${bridges[1].netns}`);
    for (const bridge of bridges) bridge.ip('link set across master br0 up');
    const start = async (side: number, index: number): Promise<NodeProcess> => {
      const host = lab.host();
      lab.plug(host, bridges[side]!, `10.94.${side}.${index + 1}/16`);
      return farm.start(`node-${side}-${index}`, { env, netns: host.netns, port: 4433, ...(side + index > 0 ? { bootstrap: ['https://10.94.0.1:4433'] } : {}) });
    };
    const first = await start(0, 0);
    const side = (which: number): Promise<NodeProcess[]> => Promise.all(Array.from({ length: perSide }, (_, index) => (which + index > 0 ? start(which, index) : first)));
    [left, right] = await Promise.all([side(0), side(1)]);
    await untilMesh([...left, ...right]);
    await left[0]!.control.dhtPut({ key: 'before', value: 'b', minReplicas: 2 * perSide, timeoutMs });
    await left[0]!.control.dhtPut({ key: 'contested', value: 'old', minReplicas: 2 * perSide, timeoutMs });
  });
  after(async () => {
    await farm.close();
    lab.close();
  });

  it('goes on in each of them', async () => {
    cable.ip('link set across down');
    await Promise.all([untilMesh(left), untilMesh(right)]);
    await left[1]!.control.dhtPut({ key: 'on the left', value: 'l', minReplicas: perSide, timeoutMs });
    await right[1]!.control.dhtPut({ key: 'on the right', value: 'r', minReplicas: perSide, timeoutMs });
    const first = await left[2]!.control.dhtPut({ key: 'contested', value: 'left', minReplicas: perSide, timeoutMs });
    const second = await right[2]!.control.dhtPut({ key: 'contested', value: 'right', minReplicas: perSide, timeoutMs });
    expect(second.seq).to.be.above(first.seq);
    for (const [side, value, other] of [[left, 'left', 'on the right'], [right, 'right', 'on the left']] as const) {
      for (const node of side) expect([await read(node, 'before'), await read(node, 'contested'), await read(node, other)]).to.deep.equal(['b', value, undefined]);
    }
  });

  it('is one again soon after, and all read what either wrote; of two writes to one key the later stands', async () => {
    cable.ip('link set across up');
    const all = [...left, ...right];
    await untilMesh(all);
    await untilAllRead(all, 'on the left', 'l');
    await untilAllRead(all, 'on the right', 'r');
    await untilAllRead(all, 'contested', 'right');
    await untilAllRead(all, 'before', 'b');
    await left[0]!.control.dhtPut({ key: 'afterwards', value: 'a', minReplicas: 2 * perSide, timeoutMs });
    await untilAllRead(all, 'afterwards', 'a');
  });
});
