import { expect } from 'chai';
import { KeepaliveCore } from '../../../src/lib/session/keepalive-core.js';
import { RttEstimator } from '../../../src/lib/session/rtt-estimator.js';

const settings = { intervalMs: 15_000, probeTimeoutMs: 5000 };

describe('keepalive', () => {
  it('pings after the interval without a sound, again twice after the probe timeout, and then gives up', () => {
    const core = new KeepaliveCore(settings, 0);
    const verdicts: [number, string][] = [];
    for (let count = 0; count < 4; count++) verdicts.push([core.nextDeadline(), core.handleTimeout(core.nextDeadline())]);
    expect(verdicts).to.deep.equal([[15_000, 'probe'], [20_000, 'probe'], [25_000, 'probe'], [30_000, 'dead']]);
  });

  it('waits on while something is heard', () => {
    const core = new KeepaliveCore(settings, 0);
    core.heard(9000);
    expect([core.handleTimeout(15_000), core.nextDeadline()]).to.deep.equal(['wait', 24_000]);
  });

  it('begins anew when a probe is answered', () => {
    const core = new KeepaliveCore(settings, 0);
    core.handleTimeout(15_000);
    core.heard(15_100);
    expect([core.handleTimeout(20_000), core.nextDeadline()]).to.deep.equal(['wait', 30_100]);
    const verdicts = [30_100, 35_100, 40_100, 45_100].map((nowMs) => core.handleTimeout(nowMs));
    expect(verdicts).to.deep.equal(['probe', 'probe', 'probe', 'dead']);
  });
});

describe('smoothed round-trip time', () => {
  it('starts with the first sample and moves by an eighth of the difference', () => {
    const rtt = new RttEstimator();
    expect(rtt.rttMs).to.equal(undefined);
    rtt.sample(80);
    rtt.sample(160);
    expect(rtt.rttMs).to.equal(90);
  });
});
