import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { NatProbeResult } from '../../src/lib/control/protocol-nat.js';
import { NatLab, type NatHost, type NatKind } from '../support/nat-lab.js';
import { describeInLab } from '../support/network-lab.js';
import { NodeFarm } from '../support/node-process.js';
import { TurnServer } from '../support/turn-server.js';

const bin = resolve(import.meta.dirname, '../../bin/macula.js');
const run = promisify(execFile);
const [independent, byAddress, byPort] = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;

describeInLab('other people\'s STUN servers and clients', function () {
  this.timeout(60_000);
  let lab: NatLab;
  let server: TurnServer;

  before(async () => {
    lab = new NatLab();
    server = await TurnServer.start(lab.host('none'), '203.0.113.250');
  });

  after(async () => {
    await server?.close();
    lab?.close();
  });

  const probe = async ({ netns }: NatHost): Promise<NatProbeResult> => {
    const { stdout } = await run('ip', ['netns', 'exec', netns, process.execPath, bin, 'nat', 'probe', '--json', '--data-dir', '/nonexistent', '--stun', server.address]);
    return JSON.parse(stdout) as NatProbeResult;
  };

  const table: readonly [NatKind, Partial<NatProbeResult>][] = [
    ['none', { natType: 'none', mapping: independent, filtering: independent }],
    ['full-cone', { natType: 'full-cone', mapping: independent, filtering: independent }],
    ['address-restricted', { natType: 'address-restricted', mapping: independent, filtering: byAddress }],
    ['port-restricted', { natType: 'port-restricted', mapping: independent, filtering: byPort }],
    ['symmetric-random', { natType: 'symmetric', mapping: byPort, filtering: byPort }],
  ];
  for (const [kind, expected] of table) {
    it(`coturn tells nat probe --stun all of a NAT that is ${kind}`, async () => {
      const host = lab.host(kind);
      const report = await probe(host);
      expect(report).to.include(expected);
      expect(report.publicAddress).to.match(new RegExp(`^${host.publicAddress.replaceAll('.', '\\.')}:`));
    });
  }

  it('a NAT that turns packets back in is seen to do so, and of one that does not nothing is claimed', async () => {
    expect(await probe(lab.host('full-cone', { hairpin: true }))).to.include({ hairpin: true, natType: 'full-cone' });
    expect(await probe(lab.host('port-restricted'))).to.include({ hairpin: null });
  });

  it('turnutils_natdiscovery gets the right address from a node', async () => {
    const farm = new NodeFarm();
    try {
      const [outside, asking] = [lab.host('none'), lab.host('full-cone')];
      await farm.start('node', { netns: outside.netns, port: 4433 });
      const asked = run('ip', ['netns', 'exec', asking.netns, 'timeout', '5', 'turnutils_natdiscovery', '-m', '-p', '4433', outside.address]);
      const { stdout, stderr } = await asked.catch((error: { stdout: string; stderr: string }) => error);
      expect(`${stdout}${stderr}`).to.match(new RegExp(`reflexive addr.*${asking.publicAddress.replaceAll('.', '\\.')}:`));
    } finally {
      await farm.close();
    }
  });
}, 'conntrack', 'turnserver', 'turnutils_natdiscovery');
