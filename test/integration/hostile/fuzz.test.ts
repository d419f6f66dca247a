import { expect } from 'chai';
import { fuzz, growthBytes } from '../../fuzz/fuzzer.js';
import { metric } from '../../support/node-observation.js';
import { NodeFarm } from '../../support/node-process.js';

const rounds = 300;
const warmUpRounds = 100;
/** Garbage collection moves resident memory by some 20 MiB; a leak of a kilobyte a datagram would show as 35. */
const allowedGrowthBytes = 32 * 2 ** 20;

// The long form is a program: npx tsx test/fuzz/run.ts --seed 1 --seconds 600
describe('a node under mutated datagrams and frames', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();

  after(() => farm.close());

  it('lives, answers honest peers all the while, lets new ones in, and does not grow', async function () {
    if (process.platform !== 'linux') return this.skip();
    const node = await farm.start('fuzzed');
    const report = await fuzz({ port: node.port, pid: node.child.pid! }, { seed: 7, goOn: (done) => done < rounds, warmUpRounds });
    expect(report.pings).to.equal(rounds);
    expect(report.admitted, 'the fuzzer gets past the door').to.be.above(rounds / 2);
    expect(report.frames).to.be.above(10 * rounds);
    expect(growthBytes(report)).to.be.below(allowedGrowthBytes);
    const refused = await metric(node, 'macula_sessions_refused_total');
    expect(refused['reason="MACULA_PROTOCOL_VIOLATION"']).to.be.above(0);
    const serious = node.log.filter((line) => /"level":"(error|fatal)"/.test(line));
    expect(serious, 'nothing a stranger sends is an error of the node').to.deep.equal([]);
  });
});
