import { expect } from 'chai';
import { NatLab, type NatKind } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { pingAll, untilPeer } from '../support/node-watch.js';

/** Kinds between which both sides probing each other at the same time is enough. */
const kinds: readonly NatKind[] = ['full-cone', 'address-restricted', 'port-restricted'];

describeInLab('nodes behind NATs that keep their port', function () {
  this.timeout(90_000);
  let lab: NatLab;
  let farm: NodeFarm;
  const nodes = new Map<NatKind, NodeProcess[]>();

  before(async () => {
    lab = new NatLab();
    farm = new NodeFarm();
    const outside = lab.host('none');
    const relay = await farm.start('relay', { netns: outside.netns, port: 4433 });
    for (const kind of kinds) {
      const both: NodeProcess[] = [];
      for (const side of ['a', 'b']) {
        const host = lab.host(kind);
        both.push(await farm.start(`${kind}-${side}`, { netns: host.netns, port: 4433, bootstrap: [`https://${outside.address}:4433`] }));
      }
      nodes.set(kind, both);
    }
    await Promise.all([...nodes.values()].flat().map((node) => untilPeer(node, relay.nodeId, ({ state }) => state === 'connected')));
  });

  after(async () => {
    await farm?.close();
    lab?.close();
  });

  for (const a of kinds) {
    for (const b of kinds) {
      it(`come to speak directly: ${a} with ${b}`, async () => {
        const [from, to] = [nodes.get(a)![0]!, nodes.get(b)![1]!];
        const { path } = await from.control.connectPeer({ target: to.nodeId, timeoutMs: 30_000 });
        expect(path).to.be.oneOf(['direct', 'relay']);
        await untilPeer(from, to.nodeId, (peer) => peer.path === 'direct' && peer.state === 'connected');
        await untilPeer(to, from.nodeId, (peer) => peer.path === 'direct' && peer.state === 'connected');
        const pings = await pingAll(from, to.nodeId, { count: 5 });
        expect(pings.map((one) => one.path)).to.deep.equal(Array(5).fill('direct'));
      });
    }
  }
});
