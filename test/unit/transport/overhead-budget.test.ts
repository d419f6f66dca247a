import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { isOverBudget, overheadAllowanceBytes, SlowCallTracker } from '../../../src/lib/transport/overhead-budget.js';

const KiB = 1024;
const settings = { overheadBaseBytes: 256 * KiB };

describe('overhead budget', () => {
  const allowances: [string, number, number, number, number][] = [
    ['the base at first', 0, 0, 0, 256 * KiB],
    ['25 % of delivered', 1_000_000, 0, 0, 256 * KiB + 250_000],
    ['10 % of sent', 0, 1_000_000, 0, 256 * KiB + 100_000],
    ['1 KiB a second', 0, 0, 60_000, 316 * KiB],
    ['all of them together', 400, 1000, 500, 256 * KiB + 100 + 100 + 512],
  ];
  for (const [name, deliveredBytes, sentBytes, ageMs, bytes] of allowances) {
    it(`allows ${name}`, () => expect(overheadAllowanceBytes({ deliveredBytes, sentBytes, ageMs }, settings)).to.equal(bytes));
  }

  it('is passed by the first byte beyond what is delivered and allowed', () => {
    const use = { deliveredBytes: 400, sentBytes: 1000, ageMs: 500 };
    const limit = 400 + overheadAllowanceBytes(use, settings);
    expect(isOverBudget({ ...use, recvBytes: limit }, settings)).to.equal(false);
    expect(isOverBudget({ ...use, recvBytes: limit + 1 }, settings)).to.equal(true);
  });

  it('is never passed by a download with acknowledgements of 40 bytes for each packet', () => {
    for (let packets = 0; packets < 1_000_000; packets += 9999) {
      expect(isOverBudget({ recvBytes: packets * 40, deliveredBytes: 0, sentBytes: packets * 1200, ageMs: packets / 10 }, settings)).to.equal(false);
    }
  });

  it('is passed within a second by a flood that delivers nothing', () => {
    expect(isOverBudget({ recvBytes: 1_000_000, deliveredBytes: 0, sentBytes: 1_000_000, ageMs: 1000 }, settings)).to.equal(true);
  });
});

describe('slow native calls', () => {
  function closesAfter(durations: Iterable<number>): number | undefined {
    const tracker = new SlowCallTracker(5);
    let calls = 0;
    for (const duration of durations) {
      calls += 1;
      if (tracker.record(duration)) return calls;
    }
    return undefined;
  }

  it('close a connection whose every call is slow at the 16th', () => {
    expect(closesAfter(new Array(100).fill(6))).to.equal(16);
  });

  it('close a connection when a third of its calls are slow', () => {
    expect(closesAfter(Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? 20 : 0.05)))).to.equal(46);
  });

  it('do not count a call of exactly the budget', () => {
    expect(closesAfter(new Array(1000).fill(5))).to.equal(undefined);
  });

  it('forgive one call that was stopped for a minute', () => {
    expect(closesAfter([60_000, ...new Array(1000).fill(0.05)])).to.equal(undefined);
  });

  it('forgive 15 slow calls in a row when the rest is quick', () => {
    expect(closesAfter(Array.from({ length: 10_000 }, (_, i) => (i % 64 < 15 ? 50 : 0.05)))).to.equal(undefined);
  });

  it('forgive a machine so busy that 3 of 100 calls are interrupted, for a million calls', () => {
    const random = seededRandom(7);
    const durations = Array.from({ length: 1_000_000 }, () => (random.float() < 0.03 ? 13 : 0.05));
    expect(closesAfter(durations)).to.equal(undefined);
  });
});
