import { expect } from 'chai';
import type { NatHost } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import type { LoadProgress } from '../support/load-node.js';
import { LoadPair, type LoadSide } from '../support/load-pair.js';
import { holdFor } from '../support/node-watch.js';
import { PunchLab } from '../support/punch-lab.js';

/** How long a state of the network is kept while the load goes on. */
const phaseMs = 1500;

describeInLab('a connection with 1,000 calls a second and a stream on it', function () {
  this.timeout(120_000);
  let lab: PunchLab;
  let pair: LoadPair;
  let hosts: readonly [NatHost, NatHost];

  before(async () => {
    lab = new PunchLab();
    pair = new LoadPair();
    await lab.start(2);
    hosts = [lab.lab.host('port-restricted'), lab.lab.host('port-restricted')];
    // They find each other by themselves.
    lab.lab.cutDirect(...hosts);
    [pair.a, pair.b] = await Promise.all([side('a', hosts[0]), side('b', hosts[1])]);
  });

  after(async () => {
    await pair?.close();
    await lab?.close();
  });

  async function side(name: string, { netns }: NatHost): Promise<LoadSide> {
    return pair.side(netns, { dataDir: await lab.farm.dataDir(name), port: 4433, bootstrap: lab.bootstrap, settings: { punchRetryMinMs: 1000, punchRetryMaxMs: 1000 } });
  }

  /** Lets the load go on as it is. Resolves with what the relays carried of it, and the longest time without an answer since the last time. */
  async function goOn(): Promise<{ relayed: number; gap: string }> {
    const before = await pair.progress();
    await holdFor(phaseMs);
    const after = await pair.progress();
    await pair.a.child.call('mark');
    return { relayed: after.relayedBytes - before.relayedBytes, gap: `longest time without an answer ${Math.round(after.longestGapMs)} ms` };
  }

  const say = (text: string): void => console.log(`      ${text}`);

  it('goes from the relay to the direct path, back when that is cut, and over again: every call is answered once, the stream is whole, it is one connection', async () => {
    expect(await pair.connect()).to.equal('relay');
    await pair.begin();
    const relayed = await goOn();
    expect(relayed.relayed).to.be.greaterThan(100_000);
    let age = 0;
    const sameConnection = ({ connectedSeconds }: LoadProgress): void => {
      expect(connectedSeconds).to.be.greaterThan(age);
      age = connectedSeconds;
    };

    lab.lab.restore(...hosts);
    const upgraded = await pair.until('the connection becomes direct', ({ path }) => path === 'direct');
    sameConnection(upgraded);
    say(`direct ${Math.round(upgraded.afterMs)} ms after there was a way; ${(await goOn()).gap}`);
    // Keepalives.
    expect((await goOn()).relayed).to.be.below(5000);

    lab.lab.cutDirect(...hosts);
    const fallen = await pair.until('the connection falls back', ({ path }) => path === 'relay');
    sameConnection(fallen);
    say(`relayed ${Math.round(fallen.afterMs)} ms after the cut; ${(await goOn()).gap}`);

    lab.lab.restore(...hosts);
    const again = await pair.until('the connection becomes direct again', ({ path }) => path === 'direct');
    sameConnection(again);
    say(`direct ${Math.round(again.afterMs)} ms after there was a way again; ${(await goOn()).gap}`);
  });

  it('takes no notice when all relays are killed while it is direct (HARDENING 11)', async () => {
    await Promise.all(lab.relays.map((relay) => relay.end('SIGKILL')));
    say((await goOn()).gap);
    const sent = await pair.finish();
    expect(sent.path).to.equal('direct');
    say(`${sent.sent} calls and ${Math.round(sent.streamBytes / 1e6)} MB`);
  });
}, 'conntrack');
