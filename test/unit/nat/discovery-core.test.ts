import { expect } from 'chai';
import { DiscoveryCore, type DiscoveryEvent } from '../../../src/lib/nat/discovery-core.js';

const refreshMs = 600_000;
const never = Number.POSITIVE_INFINITY;
type Timed = readonly [atMs: number, event: DiscoveryEvent];

const two: DiscoveryEvent = { type: 'vantages', count: 2 };
const home: DiscoveryEvent = { type: 'localHosts', hosts: ['10.0.0.2'] };
const done: DiscoveryEvent = { type: 'measured', outcome: 'whole' };
const gaps: DiscoveryEvent = { type: 'measured', outcome: 'gaps' };
const worst: DiscoveryEvent = { type: 'measured', outcome: 'worst' };
const seenElsewhere: DiscoveryEvent = { type: 'seenElsewhere' };

describe('when NATs are looked at', () => {
  const table: readonly [string, readonly Timed[], number][] = [
    ['never without anybody to ask', [[0, home]], never],
    ['soon after two can be asked', [[0, home], [100, two]], 600],
    ['later where there is only one, who may not stay alone', [[100, { type: 'vantages', count: 1 }]], 10_100],
    ['again when a second one comes', [[0, { type: 'vantages', count: 1 }], [10_000, gaps], [20_000, two]], 20_500],
    ['not again when a third one comes', [[0, two], [500, done], [1000, { type: 'vantages', count: 3 }]], 500 + refreshMs],
    ['again when the finding is old', [[0, two], [500, done]], 500 + refreshMs],
    ['sooner where the finding has gaps', [[0, two], [500, gaps]], 30_500],
    ['less and less often where gaps stay', [[0, two], [0, gaps], [30_000, gaps], [90_000, gaps]], 90_000 + 120_000],
    ['soon where ports seem to be at random, as other packets may have fallen between', [[0, two], [500, worst]], 30_500],
    ['twice so, then as usual', [[0, two], [500, worst], [30_500, worst]], 90_500],
    ['as usual where they do each time', [[0, two], [500, worst], [30_500, worst], [90_500, worst]], 90_500 + refreshMs],
    ['soon again where it was better in between', [[0, two], [500, worst], [30_500, worst], [90_500, done], [100_000, worst]], 130_000],
    ['soon again in another network', [[0, home], [0, two], [500, worst], [30_500, worst], [90_500, worst], [95_000, { type: 'localHosts', hosts: ['10.0.0.3'] }], [95_500, worst]], 125_500],
    ['at once when the addresses of the machine change', [[0, home], [0, two], [500, done], [5000, { type: 'localHosts', hosts: ['10.0.0.3'] }]], 5500],
    ['not when they are the same in another order', [[0, { type: 'localHosts', hosts: ['a', 'b'] }], [0, two], [500, done], [5000, { type: 'localHosts', hosts: ['b', 'a'] }]], 500 + refreshMs],
    ['when others see another address outside', [[0, two], [500, done], [100_000, seenElsewhere]], 100_500],
    ['no more than every half minute, whatever others say they see', [[0, two], [500, done], [1000, seenElsewhere], [1001, seenElsewhere]], 30_500],
    ['never while nobody is left to ask', [[0, two], [500, done], [1000, { type: 'vantages', count: 0 }]], never],
  ];
  for (const [what, events, dueMs] of table) {
    it(what, () => {
      const core = new DiscoveryCore(refreshMs);
      for (const [atMs, event] of events) core.handle(event, atMs);
      expect(core.dueMs).to.equal(dueMs);
    });
  }
});
