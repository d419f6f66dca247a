import { expect } from 'chai';
import type { NodeStatus } from '../../src/lib/control/protocol.js';
import { MappingGateway } from '../support/mapping-gateway.js';
import { NatLab, type NatHost } from '../support/nat-lab.js';
import { natRules } from '../support/nat-rules.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

/** An address miniupnpd takes for public, which those of the pretended Internet are not. */
const outer = '45.45.45.45';

describeInLab('a node behind a router that maps ports', function () {
  this.timeout(60_000);
  let lab: NatLab;
  let farm: NodeFarm;
  let helper: NodeProcess;
  let outside: NatHost;
  let gateway: MappingGateway | undefined;

  before(async () => {
    lab = new NatLab();
    farm = new NodeFarm();
    outside = lab.host('none');
    helper = await farm.start('helper', { netns: outside.netns, port: 4433 });
  });

  afterEach(() => gateway?.close());

  after(async () => {
    await farm?.close();
    lab?.close();
  });

  /** A host behind the least friendly NAT, seen from outside at `outer`. */
  function hostBehindRouter(): NatHost {
    const host = lab.host('symmetric-sequential');
    const router = host.router!;
    router.ip(`address add ${outer}/32 dev wan`);
    router.nft(natRules('symmetric-sequential', outer, {}));
    outside.ip(`route replace ${outer}/32 via ${router.wanAddress}`);
    return host;
  }

  async function untilStatus(node: NodeProcess, fits: (status: NodeStatus) => boolean): Promise<NodeStatus> {
    for await (const _ of node.control.watchPeers()) {
      const status = await node.control.status();
      if (fits(status)) return status;
    }
    throw new Error(`the node ended:\n${node.log.join('')}`);
  }

  for (const [protocol, spoken] of [['upnp', { upnp: true, pcp: false }], ['pcp', { upnp: false, pcp: true }]] as const) {
    it(`is reached from outside through what the router maps by ${protocol}, until it stops`, async () => {
      const host = hostBehindRouter();
      gateway = await MappingGateway.start(host.router!, spoken, outer);
      const env = { MACULA_PORT_MAPPING: 'true' };
      const node = await farm.start(protocol, { netns: host.netns, port: 4433, env });
      const { portMapping, publicAddress } = await untilStatus(node, (status) => status.portMapping !== null);
      expect(portMapping).to.deep.equal({ protocol, external: `${outer}:4433`, internal: `${host.address}:4433` });
      expect(publicAddress).to.equal(`${outer}:4433`);
      expect(gateway.ports()).to.deep.equal([4433]);
      const { path, address } = await helper.control.connectPeer({ target: `macula://${node.nodeId}@${outer}:4433`, timeoutMs: 10_000 });
      expect([path, address]).to.deep.equal(['direct', `${outer}:4433`]);
      await node.untilConnectedTo([helper.nodeId]);
      const report = await node.control.natProbe({}, 20_000);
      expect(report.portMapping).to.deep.equal(portMapping);
      expect(report.publicAddress).to.equal(`${outer}:4433`);
      expect(await node.end()).to.equal(0);
      expect(gateway.ports()).to.deep.equal([]);
      await helper.control.disconnectPeer({ nodeId: node.nodeId });
    });
  }
}, 'conntrack', 'miniupnpd');
