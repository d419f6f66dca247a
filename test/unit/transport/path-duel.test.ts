import { expect } from 'chai';
import { PathDuel } from '../../../src/lib/transport/path-duel.js';

const slow = { key: 'slow', rttMs: 50 };
const fast = { key: 'fast', rttMs: 30 };

/** Lets both be probed until it is over, each answering as fast as its list says. Returns when it was over. */
function fight(duel: PathDuel, roundTrips: Readonly<Record<string, readonly number[]>>, fromMs: number): number {
  let nowMs = fromMs;
  const taken: Record<string, number> = {};
  duel.consider(slow, [fast], nowMs);
  for (let step = 0; step < 20 && duel.dueMs !== Infinity; step += 1) {
    nowMs = Math.max(nowMs, duel.dueMs);
    for (const key of duel.due(nowMs)) {
      const rttMs = roundTrips[key]![(taken[key] = (taken[key] ?? 0) + 1) - 1];
      if (rttMs !== undefined) duel.answered(key, nowMs, nowMs + rttMs);
    }
    duel.consider(slow, [fast], nowMs + 100);
  }
  return nowMs;
}

describe('a comparison of two paths', () => {
  it('is made where one seems to be faster by 5 ms and a fifth at least', () => {
    const cases: [number | undefined, number | undefined, boolean][] = [[50, 40, true], [50, 41, false], [5, 0.5, false], [6, 1, true], [50, undefined, false], [undefined, 1, false]];
    for (const [selectedMs, rivalMs, isMade] of cases) {
      const duel = new PathDuel();
      duel.consider({ key: 'a', rttMs: selectedMs }, [{ key: 'b', rttMs: rivalMs }], 0);
      expect(duel.due(0), `${selectedMs} and ${rivalMs}`).to.deep.equal(isMade ? ['a', 'b'] : []);
    }
  });

  it('is won by the path all of whose round trips are clearly shorter than all of the other', () => {
    const duel = new PathDuel();
    fight(duel, { slow: [50, 60, 50, 80, 50], fast: [30, 40, 20, 30, 30] }, 0);
    expect(duel.winner).to.equal('fast');
  });

  it('leaves packets where they are for one round trip that is not', () => {
    for (const odd of [{ slow: [50, 50, 32, 50, 50], fast: [30, 30, 30, 30, 30] }, { slow: [50, 50, 50, 50, 50], fast: [30, 30, 46, 30, 30] }]) {
      const duel = new PathDuel();
      fight(duel, odd, 0);
      expect(duel.winner).to.equal(undefined);
    }
  });

  it('comes to an end where probes are lost, and is not made again for a minute', () => {
    const duel = new PathDuel();
    let nowMs = 0;
    duel.consider(slow, [fast], nowMs);
    for (; nowMs <= 10_200; nowMs += 200) {
      duel.due(nowMs);
      duel.consider(slow, [fast], nowMs);
    }
    expect(duel.dueMs).to.equal(Infinity);
    duel.consider(slow, [fast], 60_000);
    expect(duel.dueMs).to.equal(Infinity);
    duel.consider(slow, [fast], 80_000);
    expect(duel.due(80_000)).to.deep.equal(['slow', 'fast']);
  });

  it('takes no notice of probes that were sent before it began', () => {
    const duel = new PathDuel();
    duel.consider(slow, [fast], 1000);
    for (let count = 0; count < 5; count += 1) for (const key of ['slow', 'fast']) duel.answered(key, 999, key === 'slow' ? 1100 : 1001);
    expect(duel.winner).to.equal(undefined);
  });

  it('is made after twice as long a time with each change it led to', () => {
    const duel = new PathDuel();
    let nowMs = 0;
    for (const holdMs of [60_000, 120_000, 240_000]) {
      nowMs = fight(duel, { slow: [50, 50, 50, 50, 50], fast: [30, 30, 30, 30, 30] }, nowMs);
      expect(duel.winner).to.equal('fast');
      duel.changed('fast', nowMs);
      expect(duel.winner).to.equal(undefined);
      duel.consider(slow, [fast], nowMs + holdMs - 1);
      expect(duel.dueMs).to.equal(Infinity);
      nowMs += holdMs;
    }
  });

  it('is made soon where packets had to leave the path it led to', () => {
    const duel = new PathDuel();
    const wonMs = fight(duel, { slow: [50, 50, 50, 50, 50], fast: [30, 30, 30, 30, 30] }, 0);
    duel.changed('fast', wonMs);
    duel.changed('slow', wonMs + 1000);
    duel.consider(slow, [fast], wonMs + 16_000);
    expect(duel.due(wonMs + 16_000)).to.deep.equal(['slow', 'fast']);
  });
});
