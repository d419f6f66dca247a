import { expect } from 'chai';
import { classifyNat, type Arrival, type NatSamples } from '../../../src/lib/nat/nat-classifier.js';

const [one, onesOther, two] = [{ host: '192.0.2.1', port: 1 }, { host: '192.0.2.1', port: 2 }, { host: '192.0.2.2', port: 1 }];

/** Outer ports of two sockets, 4001 and 4002, as three servers see the first and two the second. */
function samples(ports: readonly (number | undefined)[], fromOtherPort: Arrival = 'lost', fromOtherHost: Arrival = 'lost', host = '203.0.113.1'): NatSamples {
  const servers = [one, two, onesOther, one, two];
  const mappings = ports.map((port, index) => ({ localPort: index < 3 ? 4001 : 4002, server: servers[index]!, mapped: port === undefined ? undefined : { host, port } }));
  return { localHosts: ['10.0.0.2'], mappings, fromOtherPort, fromOtherHost, hairpin: undefined };
}

describe('the classification of NATs', () => {
  const cases: [string, NatSamples, string, string, string, string][] = [
    ['the own address is no NAT', samples([4001, 4001, 4001, 4002, 4002], 'arrived', 'arrived', '10.0.0.2'), 'none', 'endpoint-independent', 'endpoint-independent', 'preserving'],
    ['all gets in', samples([4001, 4001, 4001, 4002, 4002], 'arrived', 'arrived'), 'full-cone', 'endpoint-independent', 'endpoint-independent', 'preserving'],
    ['the same host gets in', samples([4001, 4001, 4001, 4002, 4002], 'arrived'), 'address-restricted', 'endpoint-independent', 'address-dependent', 'preserving'],
    ['nothing gets in', samples([4001, 4001, 4001, 4002, 4002]), 'port-restricted', 'endpoint-independent', 'address-and-port-dependent', 'preserving'],
    ['other ports, the same for all', samples([7, 7, 7, 9, 9]), 'port-restricted', 'endpoint-independent', 'address-and-port-dependent', 'fixed'],
    ['a port a host', samples([700, 90, 700, 4100, 12]), 'symmetric', 'address-dependent', 'address-and-port-dependent', 'random'],
    ['the next port each time', samples([100, 101, 103, 104, 105]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'sequential'],
    ['the port before each time', samples([105, 103, 101, 99, 97]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'sequential'],
    ['any port each time', samples([100, 60_000, 7, 4000, 5]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'random'],
    ['the next port each time, but for a burst of others', samples([100, 101, 800, 801, 803]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'sequential'],
    ['the next port each time, beginning anew in between', samples([33_998, 33_999, 30_000, 30_001, 30_002]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'sequential'],
    ['the next port each time, among a few others', samples([100, 120, 131, 163, 164]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'sequential'],
    ['ports further apart than others can use up', samples([100, 101, 800, 801, 1503]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'random'],
    ['ports to and fro', samples([100, 101, 99, 102, 98]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'random'],
    ['too few to allow an odd one', samples([100, 101, 800, 801]), 'symmetric', 'address-and-port-dependent', 'address-and-port-dependent', 'random'],
    ['one host alone tells no mapping', samples([4001, undefined, 4001]), 'unknown', 'unknown', 'address-and-port-dependent', 'unknown'],
    ['filtering that was not tried', samples([4001, 4001, 4001], 'untested', 'untested'), 'unknown', 'endpoint-independent', 'unknown', 'preserving'],
    ['two silent servers', samples([undefined, undefined], 'untested', 'untested'), 'blocked', 'unknown', 'unknown', 'unknown'],
    ['one silent server', samples([undefined], 'untested', 'untested'), 'unknown', 'unknown', 'unknown', 'unknown'],
  ];
  for (const [name, given, natType, mapping, filtering, kind] of cases) {
    it(`${name}: ${natType}`, () => {
      const { allocation, ...found } = classifyNat(given);
      expect({ ...found, kind: allocation.kind }).to.include({ natType, mapping, filtering, kind });
    });
  }

  it('the step of sequential ports has their direction', () => {
    expect(classifyNat(samples([100, 101, 103, 104, 105])).allocation).to.deep.equal({ kind: 'sequential', delta: 1 });
    expect(classifyNat(samples([100, 104, 106, 109, 800])).allocation).to.deep.equal({ kind: 'sequential', delta: 2 });
    expect(classifyNat(samples([105, 103, 101, 99, 97])).allocation).to.deep.equal({ kind: 'sequential', delta: -2 });
  });
});
