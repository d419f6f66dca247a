import { expect } from 'chai';
import { describeInLab } from '../support/network-lab.js';
import { holdFor, peerAt, pingAll } from '../support/node-watch.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';
import { punchScenarios } from '../support/punch-scenarios.js';

/** Both routers forget what nothing passed through for so long. */
const mappingTimeoutSeconds = 20;

describeInLab('two nodes that meet in other circumstances', function () {
  this.timeout(120_000);
  const tested = punchScenarios.filter((scenario) => scenario.tested);
  let lab: PunchLab;
  let pairs: (readonly [LabNode, LabNode])[];
  let forgetful: readonly [LabNode, LabNode];
  let idleSinceMs: number;

  before(async () => {
    lab = new PunchLab();
    await lab.start();
    const wanted = [{ kind: 'port-restricted', mappingTimeoutSeconds } as const, { kind: 'port-restricted', mappingTimeoutSeconds } as const, ...tested.flatMap(({ sides }) => sides(lab.lab))];
    const nodes = await lab.nodes(wanted.map((one, index) => ({ ...one, name: `${index}` })));
    const all = nodes.flatMap((a, index) => (index % 2 === 0 ? [[a, nodes[index + 1]!] as const] : []));
    forgetful = all[0]!;
    pairs = all.slice(1);
    expect((await lab.meet(...forgetful)).directMs).to.be.a('number');
    idleSinceMs = performance.now();
  });

  after(() => lab?.close());

  for (const [index, { name, direct }] of tested.entries()) {
    it(`${direct ? 'come to speak directly' : 'stay on the relay'}: ${name}`, async () => {
      const [from, to] = pairs[index]!;
      const { directMs } = await lab.meet(from, to);
      expect(directMs === undefined ? 'relay' : 'direct').to.equal(direct ? 'direct' : 'relay');
      const [answer] = await pingAll(from.node, to.node.nodeId, { count: 1 });
      expect(answer!.path).to.equal(direct ? 'direct' : 'relay');
      // Behind one NAT they take the shortest way, without the router.
      if (from.host.router === to.host.router) expect(answer!.via).to.equal(`${to.host.address}:4434`);
    });
  }

  it('keep an idle direct path through NATs that forget after 20 s', async () => {
    await holdFor(Math.max(0, idleSinceMs + (mappingTimeoutSeconds + 5) * 1000 - performance.now()));
    const [from, to] = forgetful;
    const { path, connectedSeconds } = await peerAt(from.node, to.node.nodeId);
    expect(path).to.equal('direct');
    expect(connectedSeconds).to.be.greaterThan(mappingTimeoutSeconds);
    const pings = await pingAll(to.node, from.node.nodeId, { count: 5 });
    expect(pings.map((one) => one.path)).to.deep.equal(Array(5).fill('direct'));
  });
}, 'conntrack');
