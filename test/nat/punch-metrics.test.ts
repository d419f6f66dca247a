import { expect } from 'chai';
import { describeInLab } from '../support/network-lab.js';
import { PunchLab, type LabNode } from '../support/punch-lab.js';

describeInLab('metrics of a node behind a NAT', function () {
  this.timeout(120_000);
  const lab = new PunchLab();
  after(() => lab.close());

  /** Samples that are above zero, by name and labels. */
  async function samplesOf({ node }: LabNode): Promise<Map<string, number>> {
    const { metrics } = await node.control.metrics();
    const samples = metrics.flatMap((metric) => metric.samples).filter(({ value }) => value !== null && value > 0);
    return new Map(samples.map(({ name, labels, value }) => [`${name} ${Object.values(labels).join(' ')}`.trim(), value!]));
  }

  it('tell its kind, the relays it holds, how a direct path was found, and in what time', async () => {
    await lab.start(2);
    // Of most pairs one gets through to the other before an attempt is needed; not of these.
    const [a, b] = (await lab.nodes([{ name: 'a', kind: 'port-restricted' }, { name: 'b', kind: 'symmetric-sequential' }])) as [LabNode, LabNode];
    expect((await lab.meet(a, b)).directMs).to.be.a('number');
    const both = await Promise.all([a, b].map(samplesOf));
    expect(both[0]!.get('macula_nat_info port-restricted endpoint-independent address-and-port-dependent')).to.equal(1);
    for (const samples of both) {
      expect(samples.get('macula_nat_relays'), 'relays').to.be.at.least(1);
      expect(samples.get('macula_nat_punches_total predict direct'), 'punches').to.be.at.least(1);
      expect(samples.get('macula_nat_upgrades_total'), 'upgrades').to.be.at.least(1);
      expect(samples.get('macula_nat_time_to_direct_seconds_count'), 'times').to.equal(samples.get('macula_nat_upgrades_total'));
      expect(samples.get('macula_sessions_path_changes_total relay direct'), 'path changes').to.be.at.least(1);
      expect(samples.get('macula_transport_path_bytes_total sent relay'), 'relayed bytes').to.be.above(0);
    }
  });
}, 'conntrack');
