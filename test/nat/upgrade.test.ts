import { expect } from 'chai';
import { BenchChild } from '../bench/child-calls.js';
import type { NatHost } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import type { LoadNodeOptions, LoadProgress } from '../support/load-node.js';
import { holdFor } from '../support/node-watch.js';
import { PunchLab } from '../support/punch-lab.js';

/** How long a state of the network is kept while the load goes on. */
const phaseMs = 1500;
/** Steps of the test end by what they wait for; this is where they count as hanging. */
const hangsMs = 40_000;

interface LoadSide {
  readonly host: NatHost;
  readonly child: BenchChild;
  readonly nodeId: string;
}

describeInLab('a connection with 1,000 calls a second and a stream on it', function () {
  this.timeout(120_000);
  let lab: PunchLab;
  let a: LoadSide;
  let b: LoadSide;
  const children: BenchChild[] = [];

  before(async () => {
    lab = new PunchLab();
    await lab.start(2);
    const hosts = [lab.lab.host('port-restricted'), lab.lab.host('port-restricted')] as const;
    // They find each other by themselves.
    lab.lab.cutDirect(...hosts);
    [a, b] = await Promise.all([side('a', hosts[0]), side('b', hosts[1])]);
  });

  after(async () => {
    await Promise.all(children.map((child) => child.end()));
    await lab?.close();
  });

  async function side(name: string, host: NatHost): Promise<LoadSide> {
    const child = BenchChild.start('../support/load-node.ts', { netns: host.netns });
    children.push(child);
    const options: LoadNodeOptions = { dataDir: await lab.farm.dataDir(name), port: 4433, bootstrap: lab.bootstrap, settings: { punchRetryMinMs: 1000, punchRetryMaxMs: 1000 } };
    return { host, child, nodeId: await child.call<string>('start', options) };
  }

  /** Looks at the load until it fits, and resolves with how long that took and what was seen then. */
  async function until(what: string, fits: (progress: LoadProgress) => boolean): Promise<LoadProgress & { afterMs: number }> {
    const startMs = performance.now();
    for (;;) {
      const progress = await a.child.call<LoadProgress>('progress');
      const afterMs = performance.now() - startMs;
      if (fits(progress)) return { ...progress, afterMs };
      if (afterMs > hangsMs) throw new Error(`${what}: ${JSON.stringify(progress)}`);
      await holdFor(20);
    }
  }

  /** Lets the load go on as it is. Resolves with what the relays carried of it, and the longest time without an answer since the last time. */
  async function goOn(): Promise<{ relayed: number; gap: string }> {
    const before = await a.child.call<LoadProgress>('progress');
    await holdFor(phaseMs);
    const after = await a.child.call<LoadProgress>('progress');
    await a.child.call('mark');
    return { relayed: after.relayedBytes - before.relayedBytes, gap: `longest time without an answer ${Math.round(after.longestGapMs)} ms` };
  }

  const say = (text: string): void => console.log(`      ${text}`);

  it('goes from the relay to the direct path, back when that is cut, and over again: every call is answered once, the stream is whole, it is one connection', async () => {
    expect(await a.child.call('connect', b.nodeId)).to.equal('relay');
    await a.child.call('begin', b.nodeId);
    const relayed = await goOn();
    expect(relayed.relayed).to.be.greaterThan(100_000);
    let age = 0;
    const sameConnection = ({ connectedSeconds }: LoadProgress): void => {
      expect(connectedSeconds).to.be.greaterThan(age);
      age = connectedSeconds;
    };

    lab.lab.restore(a.host, b.host);
    const upgraded = await until('the connection becomes direct', ({ path }) => path === 'direct');
    sameConnection(upgraded);
    say(`direct ${Math.round(upgraded.afterMs)} ms after there was a way; ${(await goOn()).gap}`);
    // Keepalives.
    expect((await goOn()).relayed).to.be.below(5000);

    lab.lab.cutDirect(a.host, b.host);
    const fallen = await until('the connection falls back', ({ path }) => path === 'relay');
    sameConnection(fallen);
    say(`relayed ${Math.round(fallen.afterMs)} ms after the cut; ${(await goOn()).gap}`);

    lab.lab.restore(a.host, b.host);
    const again = await until('the connection becomes direct again', ({ path }) => path === 'direct');
    sameConnection(again);
    say(`direct ${Math.round(again.afterMs)} ms after there was a way again; ${(await goOn()).gap}`);
  });

  it('takes no notice when all relays are killed while it is direct (HARDENING 11)', async () => {
    await Promise.all(lab.relays.map((relay) => relay.end('SIGKILL')));
    say((await goOn()).gap);
    const sent = await a.child.call<LoadProgress & { hash: string }>('finish');
    const served = await b.child.call<{ calls: number; repeated: number; bytes: number; hash: string }>('served');
    expect(sent.wrong).to.deep.equal([]);
    expect(sent.answered).to.equal(sent.sent);
    expect(served).to.deep.equal({ calls: sent.sent, repeated: 0, bytes: sent.streamBytes, hash: sent.hash });
    expect(sent.path).to.equal('direct');
    say(`${sent.sent} calls and ${Math.round(sent.streamBytes / 1e6)} MB`);
  });
}, 'conntrack');
