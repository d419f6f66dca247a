import { expect } from 'chai';
import { seededRandom } from '../../src/lib/base/random.js';
import { churn, churnGrowthBytes } from '../support/churn.js';
import { floodGrowthBytes, floodWithCalls } from '../support/call-flood.js';

/** Garbage collection moves resident memory by some 20 MiB. */
const allowedGrowthBytes = 32 * 2 ** 20;

// The long forms are scenarios of `npm run soak`.
describe('a node in use', function () {
  this.timeout(150_000);
  before(function () {
    if (process.platform !== 'linux') this.skip();
  });

  it('answers or refuses each of 10,000 calls at once, round after round, and its memory goes back (HARDENING 13)', async () => {
    const rounds = 4;
    const report = await floodWithCalls(10_000, (done) => done < rounds);
    expect(report.answered + report.refused).to.equal(rounds * 10_000);
    expect(report.answered).to.be.at.least(rounds * 1000);
    expect(floodGrowthBytes({ ...report, rssBytes: report.rssBytes.slice(1) })).to.be.below(allowedGrowthBytes);
  });

  it('serves nodes and programs that come and go, and does not grow with them (HARDENING 17)', async () => {
    const rounds = 5;
    const report = await churn({ random: seededRandom(3), goOn: (done) => done < rounds, warmUpRounds: 1 });
    expect(report.calls).to.equal(20 * report.visitors);
    expect(report.messages).to.be.above(0);
    expect(churnGrowthBytes(report)).to.be.below(allowedGrowthBytes);
  });
});
