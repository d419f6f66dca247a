import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { BirthdayOpener, birthdayProbes, birthdaySockets, BirthdaySpray, birthdayWindowMs } from '../../../src/lib/nat/birthday-core.js';

function sprayAll(spray: BirthdaySpray): { ports: number[]; lastMs: number } {
  const ports: number[] = [];
  let lastMs = 0;
  while (spray.deadlineMs !== Infinity) {
    lastMs = spray.deadlineMs;
    ports.push(...spray.due(lastMs));
  }
  return { ports, lastMs };
}

describe('spraying probes over ports', () => {
  it('takes 2,048 different ports that a NAT may hand out, 100 a second', () => {
    const { ports, lastMs } = sprayAll(new BirthdaySpray(seededRandom(1), 0));
    expect(new Set(ports).size).to.equal(birthdayProbes);
    for (const port of ports) expect(port).to.be.within(1024, 65_535);
    expect(lastMs).to.equal((birthdayProbes - 1) * 10);
    expect(birthdayWindowMs).to.be.above(lastMs);
  });

  it('makes up for a late timer with a small burst, not with all at once', () => {
    const spray = new BirthdaySpray(seededRandom(1), 0);
    expect(spray.due(0)).to.have.length(1);
    expect(spray.due(50)).to.have.length(5);
    expect(spray.due(10_000)).to.have.length(16);
    expect(spray.deadlineMs).to.equal(10_010);
    expect(spray.sent).to.equal(22);
  });

  it('hits one of 256 open ports within its probes in at least 99.9 % of a thousand tries, half of them within 300', () => {
    const random = seededRandom(7);
    const needed = Array.from({ length: 1000 }, () => {
      const open = new Set<number>();
      while (open.size < birthdaySockets) open.add(1024 + random.integer(64_512));
      const hit = sprayAll(new BirthdaySpray(random, 0)).ports.findIndex((port) => open.has(port));
      return hit < 0 ? Infinity : hit + 1;
    }).sort((a, b) => a - b);
    expect(needed[500]).to.be.below(300);
    expect(needed.filter((probes) => probes === Infinity).length).to.be.at.most(1);
  }).timeout(20_000);
});

describe('the side that opens sockets', () => {
  it('sends from all of them at once, again for what was lost, and before mappings of 20 s are forgotten', () => {
    const opener = new BirthdayOpener([1, 2], 0);
    const sentMs: number[] = [];
    while (opener.deadlineMs !== Infinity) {
      sentMs.push(opener.deadlineMs);
      expect(opener.due(opener.deadlineMs)).to.equal(true);
    }
    expect(sentMs).to.deep.equal([0, 2500, 10_000, 18_000]);
    expect(opener.due(opener.endMs)).to.equal(false);
  });
});
