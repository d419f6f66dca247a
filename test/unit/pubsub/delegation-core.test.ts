import { createHash } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { DelegationCore, maxShare } from '../../../src/lib/pubsub/delegation-core.js';

const nodeIds = (count: number, from = 0): NodeId[] => Array.from({ length: count }, (_, index) => createHash('sha256').update(String(from + index)).digest('hex') as NodeId);
const nobody = new Set<NodeId>();

function sharesOf(owners: ReadonlyMap<NodeId, NodeId>): Map<NodeId, number> {
  const shares = new Map<NodeId, number>();
  for (const owner of owners.values()) shares.set(owner, (shares.get(owner) ?? 0) + 1);
  return shares;
}

/** Subscribers in both plans whose delegate changed. */
function moved(before: ReadonlyMap<NodeId, NodeId>, after: ReadonlyMap<NodeId, NodeId>): number {
  return [...before].filter(([nodeId, owner]) => after.has(nodeId) && after.get(nodeId) !== owner).length;
}

describe('Which subscribers pass messages on to which', () => {
  const table: [subscribers: number, direct: number, delegates: number][] = [
    [0, 4, 0], [4, 4, 0], [5, 4, 3], [12, 4, 4], [256, 256, 0], [257, 256, 17], [1000, 256, 32], [10_000, 256, 100],
  ];
  for (const [subscribers, direct, delegates] of table) {
    it(`${subscribers} subscribers, ${direct} of them directly, have ${delegates} delegates`, () => {
      const owners = new DelegationCore('topic', direct).plan(nodeIds(subscribers), nobody);
      expect(sharesOf(owners).size).to.equal(delegates);
      expect(owners.size).to.equal(delegates === 0 ? 0 : subscribers);
    });
  }

  it('each subscriber has exactly one delegate, which serves itself, whatever comes, goes and fails', () => {
    const all = nodeIds(400);
    const step = fc.record({ there: fc.subarray(all), unfit: fc.subarray(all, { maxLength: 20 }) });
    fc.assert(fc.property(fc.array(step, { maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (steps, direct) => {
      const core = new DelegationCore('topic', direct);
      for (const { there, unfit } of steps) {
        const owners = core.plan(there, new Set(unfit));
        if (owners.size === 0) {
          if (there.length > direct) expect(there.filter((nodeId) => !unfit.includes(nodeId)).length).to.be.lessThan(Math.max(1, Math.sqrt(there.length)));
          continue;
        }
        expect([...owners.keys()].sort()).to.deep.equal([...there].sort());
        for (const [owner, size] of sharesOf(owners)) {
          expect(owners.get(owner)).to.equal(owner);
          expect(unfit).not.to.include(owner);
          expect(size).to.be.at.most(maxShare);
        }
      }
    }), { numRuns: 60 });
  });

  it('moves nobody but the newcomers, the share of a delegate that failed, and few when another is needed', () => {
    const core = new DelegationCore('topic', 256);
    const all = nodeIds(1000);
    const first = core.plan(all, nobody);
    const joined = core.plan([...all, ...nodeIds(1, 5000)], nobody);
    expect(moved(first, joined)).to.be.at.most(2 * (1000 / 32));
    const [failed] = [...sharesOf(joined).keys()];
    const share = sharesOf(joined).get(failed!)!;
    const after = core.plan([...all, ...nodeIds(1, 5000)], new Set([failed!]));
    expect(after.get(failed!)).not.to.equal(failed);
    // The share of the failed one, and what the one in its place takes from the others.
    expect(moved(joined, after)).to.be.at.most(share + 2 * (1000 / 32));
  });

  it('different topics have different delegates', () => {
    const all = nodeIds(1000);
    const [a, b] = ['a', 'b'].map((topic) => new Set(new DelegationCore(topic, 256).plan(all, nobody).values()));
    expect([...a!].filter((nodeId) => b!.has(nodeId)).length).to.be.lessThan(10);
  });

  it('serves all directly when too few can be delegates', () => {
    const all = nodeIds(600);
    expect(new DelegationCore('topic', 256).plan(all, new Set(all)).size).to.equal(0);
    expect(new DelegationCore('topic', 256).plan(all, new Set(all.slice(2))).size).to.equal(0);
  });

  it('keeps delegates until there are clearly fewer subscribers than the limit', () => {
    const core = new DelegationCore('topic', 100);
    expect(core.plan(nodeIds(101), nobody).size).to.equal(101);
    expect(core.plan(nodeIds(90), nobody).size).to.equal(90);
    expect(core.plan(nodeIds(75), nobody).size).to.equal(0);
    expect(core.plan(nodeIds(90), nobody).size).to.equal(0);
  });
});
