import { expect } from 'chai';
import { MappingAge } from '../../../src/lib/nat/mapping-age.js';
import { PathRenewal } from '../../../src/lib/nat/path-renewal.js';

describe('the age at which direct paths to a peer die', () => {
  const cases: [string, readonly number[], number | undefined][] = [
    ['is not known of one path', [60_000], undefined],
    ['is that of two in a row that lived equally long', [60_000, 60_000], 48_000],
    ['is the lesser of two that probes noticed at different times', [74_000, 60_000], 48_000],
    ['is not known of two that lived differently', [60_000, 80_000], undefined],
    ['of long lives may differ by a tenth', [3_600_000, 3_300_000], 2_640_000],
    ['goes by the last two', [600_000, 60_000, 61_000], 48_000],
    ['takes no notice of paths that hardly worked', [60_000, 3000, 60_000], 48_000],
  ];
  for (const [name, lives, afterMs] of cases) {
    it(name, () => {
      const age = new MappingAge();
      for (const livedMs of lives) age.died(livedMs);
      expect(age.replaceAfterMs).to.equal(afterMs);
    });
  }

  it('is not known any more in another network', () => {
    const age = new MappingAge();
    for (const livedMs of [60_000, 60_000]) age.died(livedMs);
    age.forget();
    expect(age.replaceAfterMs).to.equal(undefined);
  });
});

describe('when another direct path is looked for', () => {
  /** Paths that died after a minute each, the last one replaced at 180 s. */
  function aged(): PathRenewal {
    const renewal = new PathRenewal();
    renewal.direct(0, 0);
    for (const diedMs of [60_000, 120_000]) {
      renewal.doubted(60_000, diedMs);
      renewal.direct(diedMs, diedMs);
    }
    return renewal;
  }

  it('soon after the one in use fell silent, and not when it answers again', () => {
    const renewal = new PathRenewal();
    renewal.direct(0, 0);
    expect(renewal.dueMs).to.equal(Infinity);
    renewal.doubted(5000, 10_000);
    expect(renewal.dueMs).to.equal(10_300);
    renewal.doubtOver(10_100);
    expect(renewal.dueMs).to.equal(Infinity);
  });

  it('before the one in use is as old as others became, but only once', () => {
    const renewal = aged();
    expect(renewal.dueMs).to.equal(168_000);
    renewal.begun();
    renewal.doubted(50_000, 170_000);
    renewal.doubtOver(170_100);
    expect(renewal.dueMs).to.equal(Infinity);
  });

  it('never while packets take the relay, or in another network', () => {
    const relayed = aged();
    relayed.relayed();
    expect(relayed.dueMs).to.equal(Infinity);
    const moved = aged();
    moved.forget(130_000);
    expect(moved.dueMs).to.equal(Infinity);
  });

  it('by the peer where it asks for one although the path in use is an old one', () => {
    const renewal = new PathRenewal();
    expect(renewal.isMeantBy(60_000)).to.equal(false);
    renewal.direct(1000, 1000);
    expect([10_999, 11_000].map((nowMs) => renewal.isMeantBy(nowMs))).to.deep.equal([false, true]);
  });
});
