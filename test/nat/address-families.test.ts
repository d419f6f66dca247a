import { expect } from 'chai';
import { describeInLab, NetworkLab, type LabHost } from '../support/network-lab.js';
import { NodeFarm } from '../support/node-process.js';
import { pingAll } from '../support/node-watch.js';

describeInLab('two nodes that know each other by address', function () {
  this.timeout(60_000);
  let lab: NetworkLab;
  let farm: NodeFarm;
  let hosts: LabHost[];

  beforeEach(() => {
    lab = new NetworkLab();
    farm = new NodeFarm();
    const bridge = lab.bridge();
    hosts = [lab.host(), lab.host()];
    hosts.forEach((host, index) => lab.plug(host, bridge, `10.94.0.${index + 1}/24`));
  });

  afterEach(async () => {
    await farm.close();
    lab.close();
  });

  function useIpv6(only: boolean): void {
    hosts.forEach((host, index) => {
      if (only) host.ip('address flush dev eth0 scope global');
      lab.address(host, `fd00::${index + 1}/64`);
    });
  }

  /** Starts a node on each host, the second knowing the first by `url`, and asserts the address it is reached at. */
  async function meet(url: string, via: string): Promise<void> {
    const first = await farm.start('first', { netns: hosts[0]!.netns, port: 4433 });
    const second = await farm.start('second', { netns: hosts[1]!.netns, port: 4433, bootstrap: [url] });
    await Promise.all([first.untilConnectedTo([second.nodeId]), second.untilConnectedTo([first.nodeId])]);
    const [answers] = await Promise.all([pingAll(second, first.nodeId, { count: 5 }), pingAll(first, second.nodeId, { count: 5 })]);
    for (const answer of answers) expect(answer.via).to.equal(via);
  }

  it('meet over IPv6 where there is nothing else', async () => {
    useIpv6(true);
    await meet('https://[fd00::1]:4433', '[fd00::1]:4433');
  });

  it('meet over IPv6 where there is IPv4, too', async () => {
    useIpv6(false);
    await meet('https://[fd00::1]:4433', '[fd00::1]:4433');
  });

  it('meet over IPv4 where there is IPv6, too', async () => {
    useIpv6(false);
    await meet('https://10.94.0.1:4433', '10.94.0.1:4433');
  });

  it('meet where IPv6 is switched off on both', async () => {
    for (const host of hosts) {
      host.sysctl('net.ipv6.conf.all.disable_ipv6', 1);
      host.sysctl('net.ipv6.conf.default.disable_ipv6', 1);
    }
    await meet('https://10.94.0.1:4433', '10.94.0.1:4433');
  });

  it('meet where IPv6 is switched off on one', async () => {
    hosts[0]!.sysctl('net.ipv6.conf.all.disable_ipv6', 1);
    await meet('https://10.94.0.1:4433', '10.94.0.1:4433');
  });
});
