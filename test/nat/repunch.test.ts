import { expect } from 'chai';
import { describeInLab } from '../support/network-lab.js';
import { peerAt, pingAll, untilPeer } from '../support/node-watch.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';

describeInLab('two nodes on a direct path whose mappings a router forgets', function () {
  this.timeout(120_000);
  let lab: PunchLab;
  let a: LabNode;
  let b: LabNode;

  before(async () => {
    lab = new PunchLab();
    await lab.start();
    [a, b] = (await lab.nodes([{ name: 'a', kind: 'symmetric-sequential' }, { name: 'b', kind: 'port-restricted' }])) as [LabNode, LabNode];
  });

  after(() => lab?.close());

  it('punch anew and are direct again by themselves, on the connection they had', async () => {
    expect((await lab.meet(a, b)).directMs).to.be.a('number');
    const before = await peerAt(b.node, a.node.nodeId);
    // Cut as well, so that it is seen to fall back, however fast it finds another path.
    lab.lab.cutDirect(a.host, b.host);
    a.host.router!.forget(b.host.publicAddress);
    const fallen = await untilPeer(b.node, a.node.nodeId, ({ path }) => path === 'relay');
    expect(fallen.state).to.equal('connected');
    lab.lab.restore(a.host, b.host);
    for (const [one, other] of [[a, b], [b, a]] as const) {
      const again = await untilPeer(one.node, other.node.nodeId, ({ path }) => path === 'direct');
      expect(again.connectedSeconds).to.be.at.least(before.connectedSeconds);
    }
    const now = await peerAt(b.node, a.node.nodeId);
    expect(now.address).to.not.equal(before.address);
    for (const { path } of await pingAll(a.node, b.node.nodeId, { count: 5 })) expect(path).to.equal('direct');
  });
}, 'conntrack');
