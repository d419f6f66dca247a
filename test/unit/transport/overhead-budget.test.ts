import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { isOverBudget, overheadAllowanceBytes, SlowCallTracker } from '../../../src/lib/transport/overhead-budget.js';

const KiB = 1024;
const settings = { overheadBaseBytes: 256 * KiB };
const noPackets = { recvPackets: 0, sentPackets: 0 };

describe('overhead budget', () => {
  const allowances: [string, number, number, number, number][] = [
    ['the base at first', 0, 0, 0, 256 * KiB],
    ['25 % of delivered', 1_000_000, 0, 0, 256 * KiB + 250_000],
    ['10 % of sent', 0, 1_000_000, 0, 256 * KiB + 100_000],
    ['1 KiB a second', 0, 0, 60_000, 316 * KiB],
    ['all of them together', 400, 1000, 500, 256 * KiB + 100 + 100 + 512],
  ];
  for (const [name, deliveredBytes, sentBytes, ageMs, bytes] of allowances) {
    it(`allows ${name}`, () => expect(overheadAllowanceBytes({ deliveredBytes, sentBytes, ageMs, ...noPackets }, settings)).to.equal(bytes));
  }

  it('is passed by the first byte beyond what is delivered and allowed', () => {
    const use = { deliveredBytes: 400, sentBytes: 1000, ageMs: 500, ...noPackets };
    const limit = 400 + overheadAllowanceBytes(use, settings);
    expect(isOverBudget({ ...use, recvBytes: limit }, settings)).to.equal(false);
    expect(isOverBudget({ ...use, recvBytes: limit + 1 }, settings)).to.equal(true);
  });

  it('is never passed by a download with acknowledgements of 40 bytes for each packet', () => {
    for (let packets = 0; packets < 1_000_000; packets += 9999) {
      expect(isOverBudget({ recvBytes: packets * 40, deliveredBytes: 0, sentBytes: packets * 1200, ageMs: packets / 10, ...noPackets }, settings)).to.equal(false);
    }
  });

  it('is never passed by small messages, a packet each, nor by their acknowledgements', () => {
    for (let packets = 0; packets < 10_000_000; packets += 99_999) {
      const counts = { recvPackets: packets, sentPackets: packets, ageMs: packets / 10 };
      expect(isOverBudget({ ...counts, recvBytes: packets * 64, deliveredBytes: packets * 20, sentBytes: packets * 64 }, settings)).to.equal(false);
      expect(isOverBudget({ ...counts, recvBytes: packets * 45, deliveredBytes: 0, sentBytes: packets * 64 }, settings)).to.equal(false);
    }
  });

  it('allows nothing for packets without reason', () => {
    const use = { deliveredBytes: 3, sentBytes: 0, ageMs: 0, recvPackets: 1_000_000, sentPackets: 2 };
    expect(overheadAllowanceBytes(use, settings)).to.equal(256 * KiB + 0.75 + 5 * 64);
  });

  it('is passed within a second by a flood that delivers nothing', () => {
    expect(isOverBudget({ recvBytes: 1_000_000, deliveredBytes: 0, sentBytes: 100_000, ageMs: 1000, recvPackets: 900, sentPackets: 900 }, settings)).to.equal(true);
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
