import { expect } from 'chai';
import type { Peer } from '../../src/lib/control/protocol.js';
import { NatLab, type NatHost } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { peerAt, pingAll, untilPeer } from '../support/node-watch.js';

const through = ({ path, state }: Peer): boolean => path === 'relay' && state === 'connected';

describeInLab('two nodes behind NATs that no punching gets through', function () {
  this.timeout(90_000);
  let lab: NatLab;
  let farm: NodeFarm;
  /** Relays by node id. */
  let relays: Map<string, NodeProcess>;
  let a: NodeProcess;
  let b: NodeProcess;

  before(async () => {
    lab = new NatLab();
    farm = new NodeFarm();
    const env = { MACULA_LOG_LEVEL: 'debug' };
    const start = (name: string, host: NatHost, bootstrap: readonly string[]): Promise<NodeProcess> => farm.start(name, { netns: host.netns, port: 4433, bootstrap, env });
    const outside = [lab.host('none'), lab.host('none'), lab.host('none')];
    const urls = outside.map(({ address }) => `https://${address}:4433`);
    const started = [];
    for (const [index, host] of outside.entries()) started.push(await start(`relay${index}`, host, urls.slice(0, index)));
    relays = new Map(started.map((node) => [node.nodeId, node]));
    a = await start('a', lab.host('symmetric-random'), urls);
    b = await start('b', lab.host('symmetric-random'), urls);
    await Promise.all([a, b].map((node) => node.untilConnectedTo([...relays.keys()])));
  });

  after(async () => {
    await farm?.close();
    lab?.close();
  });

  it('find each other by themselves, and by id when asked to, through a relay, both ways', async () => {
    await untilPeer(a, b.nodeId, through);
    await b.untilLogged(/"relays":[1-9].*the peer record was published/);
    await a.control.disconnectPeer({ nodeId: b.nodeId });
    const connected = await a.control.connectPeer({ target: b.nodeId, timeoutMs: 30_000 });
    expect(connected).to.include({ nodeId: b.nodeId, path: 'relay' });
    const seen = await untilPeer(b, a.nodeId, through);
    expect([...relays.keys()]).to.include(seen.relay);
    await Promise.all([pingAll(a, b.nodeId, { count: 20 }), pingAll(b, a.nodeId, { count: 20 })]);
  });

  it('are named to others with their relays, and hold records like everybody else', async () => {
    const stored = await a.control.dhtPut({ key: 'from behind a NAT', value: 'hello', timeoutMs: 20_000 });
    // Five nodes, all of one /24, of which a lookup may leave some out.
    expect(stored.replicas).to.be.at.least(4);
    const { value } = await b.control.dhtGet({ key: 'from behind a NAT', timeoutMs: 20_000 });
    expect(value).to.equal('hello');
    // All are of one /24, of which a routing table takes a few only: not every relay knows both.
    const tables = await Promise.all([...relays.values()].map((relay) => relay.control.dhtNodes()));
    const shown = tables.flatMap(({ nodes }) => nodes.filter(({ nodeId }) => nodeId === a.nodeId || nodeId === b.nodeId));
    expect(shown).to.not.deep.equal([]);
    expect(shown.map(({ reachability }) => reachability)).to.deep.equal(shown.map(() => 'relayed'));
  });

  it('go on over another relay when the one in use is killed, on the same connection and with no ping lost for more than 10 s', async () => {
    const before = await untilPeer(a, b.nodeId, through);
    await relays.get(before.relay!)!.end('SIGKILL');
    const [slowest] = (await pingAll(a, b.nodeId, { count: 40, intervalMs: 250, timeoutMs: 10_000 })).sort((one, other) => other.rttMs - one.rttMs);
    expect(slowest!.path).to.equal('relay');
    const now = await peerAt(a, b.nodeId);
    expect(now.relay).to.be.oneOf([...relays.keys()].filter((nodeId) => nodeId !== before.relay));
    expect(now.connectedSeconds).to.be.greaterThan(before.connectedSeconds);
  });
});
