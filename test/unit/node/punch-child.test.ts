import assert from 'node:assert/strict';
import type { NatFinding, PortAllocation } from '../../../src/lib/nat/nat-finding.js';
import { natSummary } from '../../../src/lib/node/punch-child.js';

const finding: NatFinding = {
  natType: 'symmetric', mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', allocation: { kind: 'random' }, portPreserving: false,
  hairpin: undefined, publicAddress: undefined, localAddress: undefined, servers: [], measuredAtMs: 0,
};

describe('What a peer is told of the NATs before a node', () => {
  const cases: readonly [PortAllocation, string, number][] = [
    [{ kind: 'preserving' }, 'preserved', 0],
    [{ kind: 'fixed' }, 'preserved', 0],
    [{ kind: 'sequential', delta: -2 }, 'sequential', -2],
    [{ kind: 'random' }, 'random', 0],
    [{ kind: 'unknown' }, 'unknown', 0],
  ];
  for (const [allocation, ports, portDelta] of cases) {
    it(`calls ports ${ports} where their allocation was found ${allocation.kind}`, () => {
      assert.deepEqual(natSummary({ ...finding, allocation }), { natType: 'symmetric', mapping: finding.mapping, filtering: finding.filtering, ports, portDelta });
    });
  }

  it('is nothing before anything was found', () => {
    assert.deepEqual(natSummary(undefined), { natType: 'unknown', mapping: 'unknown', filtering: 'unknown', ports: 'unknown', portDelta: 0 });
  });
});
