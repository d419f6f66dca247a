import { expect } from 'chai';
import { pairedOrder, predictCandidates } from '../../../src/lib/nat/port-prediction.js';

const ports = (measured: number, delta: number): number[] => predictCandidates({ host: '198.51.100.1', port: measured }, delta).map(({ address }) => address.port);

describe('predicted ports', () => {
  it('go on from the measured one by the step that was found', () => {
    expect(ports(30_000, 1).slice(0, 3)).to.deep.equal([30_001, 30_002, 30_003]);
    expect(ports(30_000, -2).slice(0, 3)).to.deep.equal([29_998, 29_996, 29_994]);
  });

  it('stay above the ports of system services, going round at either end', () => {
    expect(ports(65_534, 1).slice(0, 3)).to.deep.equal([65_535, 1024, 1025]);
    expect(ports(1025, -1).slice(0, 3)).to.deep.equal([1024, 65_535, 65_534]);
    for (const delta of [1, 7, -7, 32_767, -32_767]) for (const port of ports(40_000, delta)) expect(port).to.be.within(1024, 65_535);
  });

  it('of two sequential NATs meet, however far each was ahead of its measurement, up to two in all', () => {
    const list = Array.from({ length: 14 }, (_, index) => index + 1);
    const plain = pairedOrder(list, 'plain');
    const shifting = pairedOrder(list, 'shifting');
    expect(new Set(shifting).size, 'a second packet to a port takes no new one').to.equal(shifting.length);
    for (const [ahead, behind] of [[0, 0], [1, 0], [0, 1], [2, 0], [1, 1], [0, 2]] as const) {
      // Probe i leaves from port i + 1 + shift and reaches the port it was sent to.
      const sent = new Set(plain.map((to, index) => `${index + 1 + ahead}-${to}`));
      const met = shifting.filter((to, index) => sent.has(`${to}-${index + 1 + behind}`));
      expect(met.length, `shifts ${ahead} and ${behind}`).to.be.at.least(2);
    }
  });
});
