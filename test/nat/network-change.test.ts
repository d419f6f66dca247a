import { expect } from 'chai';
import type { NodeStatus } from '../../src/lib/control/protocol.js';
import type { NatProbeResult } from '../../src/lib/control/protocol-nat.js';
import { macula, onlyObject } from '../support/cli.js';
import { describeInLab } from '../support/network-lab.js';
import type { NodeProcess } from '../support/node-process.js';
import { pingAll, untilPeer } from '../support/node-watch.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';

describeInLab('a node whose network changes', function () {
  this.timeout(120_000);
  let lab: PunchLab;
  let laptop: LabNode;
  let peer: LabNode;
  let pairs = 0;

  before(async () => {
    lab = new PunchLab();
    await lab.start();
  });

  after(() => lab?.close());

  /** A pair that stays on a relay. */
  beforeEach(async () => {
    pairs += 1;
    [laptop, peer] = (await lab.nodes([{ name: `laptop${pairs}`, kind: 'symmetric-random' }, { name: `peer${pairs}`, kind: 'symmetric-sequential' }])) as [LabNode, LabNode];
    expect((await lab.meet(laptop, peer)).directMs).to.equal(undefined);
  });

  afterEach(() => lab.end(...[laptop, peer].filter((one) => one !== undefined)));

  const cli = async <Result extends object>(node: NodeProcess, ...args: string[]): Promise<Result> => onlyObject<Result>(await macula([...args, '--json', '--data-dir', node.dataDir]));

  /** The two get a direct path by themselves. */
  async function expectDirect(): Promise<void> {
    for (const [one, other] of [[laptop, peer], [peer, laptop]] as const) {
      await untilPeer(one.node, other.node.nodeId, ({ state, path }) => state === 'connected' && path === 'direct');
    }
    for (const { path } of await pingAll(laptop.node, peer.node.nodeId, { count: 5 })) expect(path).to.equal('direct');
  }

  it('tells of the other NAT when it is asked to look, and gets a direct path, where its router was replaced', async () => {
    laptop.host.router!.become('port-restricted');
    const { pid } = await cli<NodeStatus>(laptop.node, 'node', 'status');
    expect(await cli<NatProbeResult>(laptop.node, 'nat', 'probe')).to.include({ natType: 'port-restricted', mapping: 'endpoint-independent' });
    const status = await cli<NodeStatus>(laptop.node, 'node', 'status');
    expect(status.nat).to.include({ type: 'port-restricted', mapping: 'endpoint-independent' });
    expect(status.pid).to.equal(pid);
    await expectDirect();
  });

  it('finds out by itself and gets a direct path where it was moved into another network', async () => {
    const { pid } = await cli<NodeStatus>(laptop.node, 'node', 'status');
    const moved = lab.lab.move(laptop.host, lab.lab.router('port-restricted'));
    let status: NodeStatus;
    do status = await cli<NodeStatus>(laptop.node, 'node', 'status');
    while (status.nat?.type !== 'port-restricted');
    expect(status.pid).to.equal(pid);
    expect(status.publicAddress).to.match(new RegExp(`^${moved.publicAddress.replaceAll('.', '\\.')}:`));
    await expectDirect();
    const probe = await cli<NatProbeResult>(laptop.node, 'nat', 'probe');
    expect(probe.localAddress).to.equal(`${moved.address}:4433`);
  });
}, 'conntrack');
