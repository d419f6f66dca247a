import { expect } from 'chai';
import { connectHonestPeer, type HonestPeer } from '../../fuzz/honest-peer.js';
import { InitialFlood, pingRate, pingWhile } from '../../fuzz/initial-flood.js';
import { metric, sample } from '../../support/node-observation.js';
import { NodeFarm, type NodeProcess } from '../../support/node-process.js';

const initialsPerSecond = 10_000;
const sources = 500;
/** What the flood must have brought before the node is judged by it. */
const enoughInitials = 20_000;
/** In a flood a newcomer is let in by chance, as nothing tells it from the flood: some of these come through early. */
const newcomers = 8;

// Rates side by side: npx tsx test/fuzz/run-flood.ts
describe('a node under a flood of spoofed Initials', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  let flood: InitialFlood;
  let node: NodeProcess;
  let honest: HonestPeer;
  let aimedAt: number;

  before(async () => {
    flood = new InitialFlood(initialsPerSecond, sources);
    node = await farm.start('flooded');
    honest = await connectHonestPeer(node.port);
    await flood.aim(0);
  });
  after(async () => {
    await flood.stop();
    await honest.stop();
    await farm.close();
  });

  it('answers every request of a connected peer', async () => {
    const calm = await pingRate(honest.session, 1000);
    aimedAt = await flood.aim(node.port);
    const flooded = await pingRate(honest.session, 1000);
    console.log(`      requests a second: ${calm.toFixed(0)} without the flood, ${flooded.toFixed(0)} with it, ratio ${(flooded / calm).toFixed(2)}`);
    let sent = 0;
    while (sent < enoughInitials) {
      expect(await pingWhile(honest.session, (answered) => answered < 2000)).to.be.at.least(2000);
      sent = (await flood.aim(node.port)) - aimedAt;
    }
    expect(honest.session.isClosed).to.equal(false);
  });

  it('still lets a new peer in', async () => {
    const enough = new AbortController();
    const dials = Array.from({ length: newcomers }, () => connectHonestPeer(node.port, enough.signal));
    const first = await Promise.any(dials);
    expect(await first.session.ping({ timeoutMs: 5000 })).to.be.above(0);
    enough.abort();
    for (const outcome of await Promise.allSettled(dials)) if (outcome.status === 'fulfilled') await outcome.value.stop();
  });

  it('demands proof of address and keeps next to nothing of the flood', async () => {
    expect(await sample(node, 'macula_transport_retries_sent_total')).to.be.above(1000);
    // As many as this machine got sent beyond maxRetriesPerSecond were dropped; what is left of all is next to nothing.
    const retried = await sample(node, 'macula_transport_retries_sent_total');
    const dropped = Object.values(await metric(node, 'macula_transport_dropped_datagrams_total')).reduce((sum, count) => sum + count, 0);
    expect(retried + dropped).to.be.above(enoughInitials / 2);
    expect(await sample(node, 'macula_transport_half_open_handshakes')).to.be.at.most(64 + newcomers);
  });
});
