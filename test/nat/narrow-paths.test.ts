import { expect } from 'chai';
import { UdpAgent } from '../support/lab-udp.js';
import { LoadPair, type LoadSide } from '../support/load-pair.js';
import type { NatHost } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { PunchLab } from '../support/punch-lab.js';

/** What every path must carry (RFC 9000, section 14). */
const largestBytes = 1200;
const udpHeaderBytes = 8;
/** Of the stream, on each path: many packets as long as they get. */
const phaseBytes = 1_000_000;

describeInLab('two nodes behind NATs that drop UDP payloads of more than 1,200 bytes', function () {
  this.timeout(60_000);
  let lab: PunchLab;
  let pair: LoadPair;
  let hosts: readonly [NatHost, NatHost];

  before(async () => {
    lab = new PunchLab();
    pair = new LoadPair();
    await lab.start(2);
    hosts = [lab.lab.host('port-restricted'), lab.lab.host('port-restricted')];
    for (const { router } of hosts) router!.dropForwarded(`udp length > ${largestBytes + udpHeaderBytes}`);
  });

  after(async () => {
    await pair?.close();
    await lab?.close();
  });

  async function side(name: string, { netns }: NatHost): Promise<LoadSide> {
    return pair.side(netns, { dataDir: await lab.farm.dataDir(name), port: 4433, bootstrap: lab.bootstrap, settings: { punchRetryMinMs: 1000, punchRetryMaxMs: 1000 } });
  }

  const dropped = (): number[] => hosts.map(({ router }) => router!.droppedForwarded());

  it('meet a path that takes 1,200 bytes and no more, both of them', async () => {
    const outside = lab.lab.host('none');
    const agents = [outside, ...hosts].map((host) => new UdpAgent(host));
    const [sink, ...sockets] = await Promise.all(agents.map((agent) => agent.open()));
    for (const [index, socket] of sockets.entries()) {
      const fits = String(index).repeat(largestBytes);
      await socket.send(`${fits}!`, outside.address, sink!.port);
      await socket.send(fits, outside.address, sink!.port);
      await sink!.until(fits);
    }
    expect(sink!.received).to.have.length(2);
    expect(dropped()).to.deep.equal([1, 1]);
    for (const agent of agents) agent.end();
  });

  it('connect through a relay, move to a direct path, and lose no call and no byte of a stream on either, as they send nothing larger (HARDENING 8)', async () => {
    const before = dropped();
    lab.lab.cutDirect(...hosts);
    [pair.a, pair.b] = await Promise.all([side('a', hosts[0]), side('b', hosts[1])]);
    expect(await pair.connect()).to.equal('relay');
    await pair.begin();
    await pair.until('bytes pass through the relay', ({ relayedBytes }) => relayedBytes > phaseBytes);
    lab.lab.restore(...hosts);
    const { streamBytes } = await pair.until('the connection becomes direct', ({ path }) => path === 'direct');
    await pair.until('bytes pass on the direct path', (progress) => progress.streamBytes > streamBytes + phaseBytes);
    expect((await pair.finish()).path).to.equal('direct');
    expect(dropped()).to.deep.equal(before);
  });
}, 'conntrack');
