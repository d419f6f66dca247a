import { expect } from 'chai';
import { describeInLab, NetworkLab, type LabHost } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { pingAll } from '../support/node-watch.js';

describeInLab('nodes started with nothing but a data directory', function () {
  this.timeout(60_000);
  let lab: NetworkLab;
  let farm: NodeFarm;
  let bridge: LabHost;

  beforeEach(() => {
    lab = new NetworkLab();
    farm = new NodeFarm();
    bridge = lab.bridge();
  });

  afterEach(async () => {
    await farm.close();
    lab.close();
  });

  /** A host on the bridge with these addresses and a node on it. */
  function node(name: string, addresses: readonly string[], env: Record<string, string> = {}): Promise<NodeProcess> {
    const host = lab.host();
    const [first, ...more] = addresses as [string, ...string[]];
    lab.plug(host, bridge, first);
    for (const address of more) lab.address(host, address);
    return farm.start(name, { netns: host.netns, unconfigured: true, env });
  }

  it('find each other on one network, and leave alone who is of another realm', async () => {
    const [a, b, c, d] = await Promise.all([
      node('a', ['10.93.0.1/24']),
      node('b', ['10.93.0.2/24']),
      node('c', ['10.93.0.3/24'], { MACULA_REALM: 'other' }),
      node('d', ['10.93.0.4/24'], { MACULA_REALM: 'other' }),
    ]);
    for (const { port } of [a, b]) expect(port).to.equal(4433);
    await Promise.all([a.untilConnectedTo([b.nodeId]), b.untilConnectedTo([a.nodeId]), c.untilConnectedTo([d.nodeId]), d.untilConnectedTo([c.nodeId])]);
    // By now each was announced to all: had the realms met, the lists would show it, if only as refused.
    await Promise.all([pingAll(a, b.nodeId, { count: 5 }), pingAll(c, d.nodeId, { count: 5 })]);
    for (const [one, other] of [[a, b], [b, a], [c, d], [d, c]] as const) {
      expect((await one.control.peers()).peers.map(({ nodeId }) => nodeId)).to.deep.equal([other.nodeId]);
    }
  });

  it('find each other where there is IPv6 only', async () => {
    const [a, b] = await Promise.all([node('a', ['fd00::1/64']), node('b', ['fd00::2/64'])]);
    await Promise.all([a.untilConnectedTo([b.nodeId]), b.untilConnectedTo([a.nodeId])]);
    const [answer] = await pingAll(a, b.nodeId, { count: 1 });
    expect(answer!.via).to.equal('[fd00::2]:4433');
  });

  it('find each other where there are both IPv4 and IPv6', async () => {
    const [a, b] = await Promise.all([node('a', ['10.93.0.1/24', 'fd00::1/64']), node('b', ['10.93.0.2/24', 'fd00::2/64'])]);
    await Promise.all([a.untilConnectedTo([b.nodeId]), b.untilConnectedTo([a.nodeId])]);
    await pingAll(a, b.nodeId, { count: 5 });
  });
});
