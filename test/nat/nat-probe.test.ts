import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { NatProbeResult } from '../../src/lib/control/protocol-nat.js';
import { NatLab, type NatHost, type NatKind } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const bin = resolve(import.meta.dirname, '../../bin/macula.js');
const [independent, byAddress, byPort] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;

interface Expectation {
  readonly kind: NatKind;
  readonly natType: NatProbeResult['natType'];
  readonly mapping: NatProbeResult['mapping'];
  readonly filtering: NatProbeResult['filtering'];
  readonly portAllocation: NatProbeResult['portAllocation'];
}

const table: Expectation[] = [
  { kind: 'none', natType: 'none', mapping: independent, filtering: independent, portAllocation: 'preserving' },
  { kind: 'full-cone', natType: 'full-cone', mapping: independent, filtering: independent, portAllocation: 'preserving' },
  { kind: 'address-restricted', natType: 'address-restricted', mapping: independent, filtering: byAddress, portAllocation: 'preserving' },
  { kind: 'port-restricted', natType: 'port-restricted', mapping: independent, filtering: byPort, portAllocation: 'preserving' },
  { kind: 'port-changing', natType: 'port-restricted', mapping: independent, filtering: byPort, portAllocation: 'fixed' },
  { kind: 'address-dependent', natType: 'symmetric', mapping: byAddress, filtering: byPort, portAllocation: 'random' },
  { kind: 'symmetric-sequential', natType: 'symmetric', mapping: byPort, filtering: byPort, portAllocation: 'sequential' },
  { kind: 'symmetric-random', natType: 'symmetric', mapping: byPort, filtering: byPort, portAllocation: 'random' },
];

describeInLab('nat probe of a node in the mesh', function () {
  this.timeout(60_000);
  let lab: NatLab;
  let farm: NodeFarm;
  let helpers: NodeProcess[];
  let hosts: NatHost[];
  let bootstrap: string[];

  before(async () => {
    lab = new NatLab();
    farm = new NodeFarm();
    hosts = [lab.host('none'), lab.host('none'), lab.host('none')];
    bootstrap = hosts.slice(0, 2).map(({ address }) => `https://${address}:4433`);
    helpers = await Promise.all(hosts.map(({ netns }, index) => farm.start(`helper${index}`, { netns, port: 4433, bootstrap: bootstrap.filter((_, other) => other !== index) })));
    await Promise.all(helpers.map((node) => node.control.wait('peers>=2', 20_000)));
  });

  after(async () => {
    await farm?.close();
    lab?.close();
  });

  for (const { kind, ...expected } of table) {
    it(`${kind} is found to be ${expected.natType}, its ports ${expected.portAllocation}`, async () => {
      const host = lab.host(kind);
      const node = await farm.start(kind, { netns: host.netns, port: 4433, bootstrap });
      await node.control.wait('peers>=2', 20_000);
      const report = await node.control.natProbe({}, 20_000);
      expect(report).to.include(expected);
      expect(report.publicAddress).to.match(new RegExp(`^${host.publicAddress.replaceAll('.', '\\.')}:`));
      expect(report.localAddress).to.equal(`${host.address}:4433`);
      if (kind === 'symmetric-sequential') expect(report.portDelta).to.be.within(1, 3);
      const status = await node.control.status();
      expect(status.nat).to.deep.equal({ type: expected.natType, mapping: expected.mapping, filtering: expected.filtering });
      expect(status.publicAddress).to.equal(report.publicAddress);
      await node.end();
    });
  }

  it('blocked is found to be so by a node that reaches nobody', async () => {
    const node = await farm.start('blocked', { netns: lab.host('blocked').netns, port: 4433, bootstrap });
    expect(await node.control.natProbe({}, 20_000)).to.include({ natType: 'blocked', mapping: 'unknown', publicAddress: null });
    await node.end();
  });

  it('without a node, two nodes named as STUN servers tell how the NAT maps', async () => {
    const host = lab.host('symmetric-random');
    const args = ['netns', 'exec', host.netns, process.execPath, bin, 'nat', 'probe', '--json', '--data-dir', await farm.dataDir('none')];
    const { stdout } = await promisify(execFile)('ip', [...args, ...hosts.slice(0, 2).flatMap(({ address }) => ['--stun', `${address}:4433`])]);
    const report = JSON.parse(stdout) as NatProbeResult;
    expect(report).to.include({ natType: 'symmetric', mapping: byPort, filtering: 'unknown', portAllocation: 'random' });
    expect(report.servers).to.have.length(2);
  });

  for (const tool of ['turnutils_stunclient', 'stun']) {
    it(`${tool} gets the right answer from a node`, async () => {
      const { address } = hosts[0]!;
      const asking = hosts[2]!;
      const args = tool === 'stun' ? [`${address}:4433`, '1', '-v'] : ['-p', '4433', address];
      const { stdout, stderr } = await promisify(execFile)('ip', ['netns', 'exec', asking.netns, tool, ...args]).catch((error: { stdout: string; stderr: string }) => error);
      expect(`${stdout}${stderr}`).to.match(new RegExp(`(reflexive addr|MappedAddress).*${asking.address.replaceAll('.', '\\.')}:`));
    });
  }
}, 'conntrack', 'turnutils_stunclient', 'stun');
