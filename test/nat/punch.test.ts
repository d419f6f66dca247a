import { expect } from 'chai';
import type { NatKind } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { pingAll } from '../support/node-watch.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';

/** Kinds of the compatibility table of docs/NAT.md. Here the kind named first dials; the measured matrix has both orders. */
const kinds = ['none', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric-sequential', 'symmetric-random'] as const satisfies readonly NatKind[];
/** Those of which two meet, too: of the others one suffices to see that it is let in. */
const twice: readonly NatKind[] = ['port-restricted', 'symmetric-sequential', 'symmetric-random'];
type Kind = (typeof kinds)[number];

/** How a pair gets a direct path where a connection has to be punched, or that it gets none. Others are simple. */
const techniques: Partial<Record<`${Kind} ${Kind}`, 'predict' | 'birthday' | 'relay'>> = {
  'port-restricted symmetric-sequential': 'predict',
  'symmetric-sequential symmetric-sequential': 'predict',
  'port-restricted symmetric-random': 'birthday',
  'symmetric-sequential symmetric-random': 'relay',
  'symmetric-random symmetric-random': 'relay',
};

describeInLab('two nodes that meet for the first time', function () {
  this.timeout(120_000);
  let lab: PunchLab;
  const nodes = new Map<string, LabNode>();

  before(async () => {
    lab = new PunchLab();
    await lab.start();
    const wanted = [...kinds.map((kind) => ({ name: kind, kind })), ...twice.map((kind) => ({ name: `other ${kind}`, kind }))];
    for (const [index, node] of (await lab.nodes(wanted)).entries()) nodes.set(wanted[index]!.name, node);
  });

  after(() => lab?.close());

  for (const [index, a] of kinds.entries()) {
    for (const b of kinds.slice(twice.includes(a) ? index : index + 1)) {
      const technique = techniques[`${a} ${b}`] ?? 'simple';
      const through = technique === 'relay' ? 'stay on the relay' : technique === 'simple' ? 'come to speak directly' : `come to speak directly (${technique})`;
      it(`${through}: ${a} with ${b}`, async () => {
        const [from, to] = [nodes.get(a)!, nodes.get(a === b ? `other ${b}` : b)!];
        const { directMs, attempts } = await lab.meet(from, to);
        expect(directMs === undefined ? 'relay' : 'direct').to.equal(technique === 'relay' ? 'relay' : 'direct');
        if (technique !== 'simple') expect(attempts.map((one) => one.technique)).to.include(technique);
        const pings = await pingAll(from.node, to.node.nodeId, { count: 5 });
        expect(pings.map(({ path }) => path)).to.deep.equal(Array(5).fill(technique === 'relay' ? 'relay' : 'direct'));
      });
    }
  }
}, 'conntrack');
