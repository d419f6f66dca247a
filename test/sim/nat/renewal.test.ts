import { expect } from 'chai';
import { PunchPair, story, type SideOptions } from '../../support/punch-pair.js';

const everyMs = 20;
const seeds = Array.from({ length: 10 }, (_, index) => index + 1);

/** Two nodes on a direct path, with packets both ways for so long. */
function directPair(seed: number, a: SideOptions, b: SideOptions, trafficMs: number): PunchPair {
  const pair = new PunchPair(seed, a, b, { delayMs: 10 });
  pair.start();
  expect(pair.run(10_000), `seed ${seed}:\n${story(pair)}`).to.equal(true);
  for (const side of [pair.a, pair.b]) side.traffic(everyMs, pair.net.nowMs + trafficMs);
  return pair;
}

/** The longest time without a packet from a time on. */
function longestGapMs(receivedMs: readonly number[], fromMs: number): number {
  const times = receivedMs.filter((atMs) => atMs >= fromMs);
  return Math.max(...times.slice(1).map((atMs, index) => atMs - times[index]!));
}

describe('a direct path whose mappings die', () => {
  // Others use up its ports meanwhile: the next one is none that the peer has let in.
  const sequential: SideOptions = { kind: 'symmetric-sequential', noise: 1 };
  const restricted: SideOptions = { kind: 'port-restricted' };

  it('is replaced by another one before packets fall back to the relay, when a router forgets all', () => {
    for (const seed of seeds) {
      const pair = directPair(seed, sequential, restricted, 30_000);
      pair.run(15_000, () => false);
      const forgotMs = pair.net.nowMs;
      pair.nats.a!.forget();
      pair.nats.a!.useUpPorts(50);
      pair.run(10_000, () => false);
      for (const side of [pair.a, pair.b]) {
        expect(side.selections.filter(({ atMs }) => atMs > forgotMs).map(({ kind }) => kind), `seed ${seed}:\n${story(pair)}`).to.include('direct').and.not.to.include('relay');
        expect(longestGapMs(side.receivedMs, forgotMs - 1000)).to.be.at.most(5000);
      }
    }
  });

  it('is replaced before it dies of age, once two paths were seen to live equally long', () => {
    const lifeMs = 60_000;
    for (const seed of seeds) {
      const pair = directPair(seed, { ...sequential, lifeMs }, restricted, 10 * lifeMs);
      pair.run(10 * lifeMs, () => false);
      for (const side of [pair.a, pair.b]) {
        expect(longestGapMs(side.receivedMs, 0), 'before that is known').to.be.within(1000, 5000);
        expect(longestGapMs(side.receivedMs, 3.5 * lifeMs), `seed ${seed}:\n${story(pair)}`).to.be.at.most(200);
        expect(side.selections.filter(({ atMs }) => atMs > 3.5 * lifeMs).map(({ kind }) => kind)).to.not.include('relay');
        expect(side.openSockets, 'sockets of paths that were left').to.be.at.most(6);
      }
    }
  });

  it('is let be while it works: no attempt in ten minutes, though a packet in fifty is lost', () => {
    for (const seed of seeds) {
      const pair = new PunchPair(seed, restricted, restricted, { delayMs: 10, loss: 0.02 });
      pair.start();
      expect(pair.run(30_000)).to.equal(true);
      pair.run(5000, () => false);
      const attempts = pair.a.reports.length;
      pair.run(600_000, () => false);
      expect(pair.a.reports.length - attempts, `seed ${seed}:\n${story(pair)}`).to.be.at.most(1);
    }
  });
});
