import { expect } from 'chai';
import { NatLab, type NatHostOptions, type NatKind } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { peerAt, pingAll, untilPeer } from '../support/node-watch.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';

interface Side extends NatHostOptions {
  readonly kind: NatKind;
}

/** IPv6 addresses are public; behind a router there is the firewall that home routers have. */
const pairs: readonly { readonly name: string; readonly sides: readonly [Side, Side] }[] = [
  { name: 'a public node that has both and one behind a NAT that has IPv4', sides: [{ kind: 'none', ipv6: true }, { kind: 'port-restricted' }] },
  { name: 'two behind NATs of which one has IPv6, too', sides: [{ kind: 'port-restricted', ipv6: true }, { kind: 'port-restricted' }] },
  { name: 'one behind a NAT with ports in sequence that has IPv6, too, and one that has IPv4', sides: [{ kind: 'symmetric-sequential', ipv6: true }, { kind: 'port-restricted' }] },
];

describeInLab('two nodes of which one has IPv6', function () {
  this.timeout(120_000);
  let lab: PunchLab;
  let nodes: LabNode[];

  before(async () => {
    lab = new PunchLab();
    await lab.start();
    nodes = await lab.nodes(pairs.flatMap(({ sides }, pair) => sides.map((side, index) => ({ ...side, name: `${pair}${'ab'[index]}` }))));
  });

  after(() => lab?.close());

  for (const [index, { name }] of pairs.entries()) {
    it(`connect and come to speak directly, whichever dials: ${name}`, async () => {
      const [a, b] = [nodes[2 * index]!, nodes[2 * index + 1]!];
      for (const [from, to] of [[a, b], [b, a]] as const) {
        expect((await lab.meet(from, to)).directMs).to.be.a('number');
        for (const [one, other] of [[from, to], [to, from]] as const) {
          for (const { path, via } of await pingAll(one.node, other.node.nodeId, { count: 3 })) {
            expect(path).to.equal('direct');
            expect(via).to.match(/^\d+\.\d+\.\d+\.\d+:\d+$/);
          }
        }
      }
    });
  }
}, 'conntrack');

describeInLab('a node that has IPv6 alone and one behind a NAT that has IPv4 alone', function () {
  this.timeout(120_000);
  let lab: NatLab;
  let farm: NodeFarm;

  before(() => {
    lab = new NatLab();
    farm = new NodeFarm();
  });

  after(async () => {
    await farm?.close();
    lab?.close();
  });

  it('connect through a relay that has both', async () => {
    const hosts = [lab.host('none', { ipv6: true }), lab.host('none', { ipv6: true })];
    const [urls4, urls6] = [hosts.map(({ address }) => `https://${address}:4433`), hosts.map(({ ipv6 }) => `https://[${ipv6}]:4433`)];
    const relays: NodeProcess[] = [];
    for (const [index, { netns }] of hosts.entries()) relays.push(await farm.start(`relay${index}`, { netns, port: 4433, bootstrap: urls4.slice(0, index) }));
    const only6 = lab.host('none', { ipv6: true });
    only6.ip('-4 address flush dev eth0 scope global');
    const [a, b] = await Promise.all([
      farm.start('a', { netns: only6.netns, port: 4433, bootstrap: urls6 }),
      farm.start('b', { netns: lab.host('port-restricted').netns, port: 4433, bootstrap: urls4 }),
    ]);
    await Promise.all([a, b].map((node) => node.control.wait('peers>=2', 60_000)));
    for (const [one, other] of [[a, b], [b, a]] as const) await untilPeer(one, other.nodeId, ({ state, path }) => state === 'connected' && path === 'relay');
    for (const { path } of [...(await pingAll(a, b.nodeId, { count: 3 })), ...(await pingAll(b, a.nodeId, { count: 3 }))]) expect(path).to.equal('relay');
    expect(relays.map(({ nodeId }) => nodeId)).to.include((await peerAt(a, b.nodeId)).relay);
  });
}, 'conntrack');
