import { expect } from 'chai';
import { describeInLab, NetworkLab, type LabHost } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { peerAt, pingAll, untilPeer } from '../support/node-watch.js';

/** Short keepalives, so that silence is noticed soon. */
const env = { MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_REQUEST_TIMEOUT: '1s', MACULA_RECONNECT_MAX: '1s' };

describeInLab('nodes on one network', function () {
  this.timeout(60_000);
  let lab: NetworkLab;
  let farm: NodeFarm;
  let hosts: LabHost[];

  beforeEach(() => {
    lab = new NetworkLab();
    farm = new NodeFarm();
    const bridge = lab.bridge();
    hosts = ['10.95.0.1/24', '10.95.0.2/24'].map((address) => {
      const host = lab.host();
      lab.plug(host, bridge, address);
      return host;
    });
  });

  afterEach(async () => {
    await farm.close();
    lab.close();
  });

  function start(name: string, host: LabHost, more: { env?: Record<string, string>; bootstrap?: string[] } = {}): Promise<NodeProcess> {
    return farm.start(name, { netns: host.netns, port: 4433, ...more, env: { ...env, ...more.env } });
  }

  async function expectConnected(a: NodeProcess, b: NodeProcess): Promise<void> {
    await Promise.all([a.untilConnectedTo([b.nodeId]), b.untilConnectedTo([a.nodeId])]);
  }

  /** Replaces the address of a host, as a new lease does. */
  function readdress(host: LabHost, address: string): void {
    host.ip('address flush dev eth0 scope global');
    lab.address(host, address);
  }

  it('keep their connection when one of them gets another address', async () => {
    const stays = await start('stays', hosts[0]!);
    const moves = await start('moves', hosts[1]!, { bootstrap: ['https://10.95.0.1:4433'] });
    await expectConnected(stays, moves);
    const { connectedSeconds } = await peerAt(stays, moves.nodeId);
    readdress(hosts[1]!, '10.95.0.22/24');
    const moved = await untilPeer(stays, moves.nodeId, ({ address }) => address === '10.95.0.22:4433');
    expect(moved).to.deep.include({ state: 'connected', direction: 'in' });
    expect(moved.connectedSeconds).to.be.greaterThan(connectedSeconds);
    await Promise.all([pingAll(stays, moves.nodeId, { count: 5 }), pingAll(moves, stays.nodeId, { count: 5 })]);
  });

  it('find each other again by themselves when both get another address at once', async () => {
    const [a, b] = await Promise.all(hosts.map((host, index) => start(`node ${index}`, host, { env: { MACULA_MDNS: 'true' } }))) as [NodeProcess, NodeProcess];
    await expectConnected(a, b);
    readdress(hosts[0]!, '10.95.0.11/24');
    readdress(hosts[1]!, '10.95.0.12/24');
    await Promise.all([
      untilPeer(a, b.nodeId, ({ state, address }) => state === 'connected' && address === '10.95.0.12:4433'),
      untilPeer(b, a.nodeId, ({ state, address }) => state === 'connected' && address === '10.95.0.11:4433'),
    ]);
    await Promise.all([pingAll(a, b.nodeId, { count: 5 }), pingAll(b, a.nodeId, { count: 5 })]);
  });

  it('find each other after both were restarted, without bootstrap or multicast DNS: the peer book remembers (HARDENING 12)', async () => {
    const [a, b] = [await start('a', hosts[0]!), await start('b', hosts[1]!, { bootstrap: ['https://10.95.0.1:4433'] })];
    await expectConnected(a, b);
    // One leaves in order, the other has no time to save anything.
    expect(await Promise.all([a.end('SIGTERM'), b.end('SIGKILL')])).to.deep.equal([0, null]);
    const [again, too] = await Promise.all([start('a', hosts[0]!), start('b', hosts[1]!)]);
    expect([again.nodeId, too.nodeId]).to.deep.equal([a.nodeId, b.nodeId]);
    await expectConnected(again, too);
  });
});
