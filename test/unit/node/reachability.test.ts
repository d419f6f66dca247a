import { expect } from 'chai';
import type { NatFinding } from '../../../src/lib/nat/nat-finding.js';
import { judgeReachability, type ReachabilityEvidence } from '../../../src/lib/node/reachability.js';

const outside = { host: '45.45.45.45', port: 4433 };

function finding(natType: NatFinding['natType'], changes: Partial<NatFinding> = {}): NatFinding {
  return {
    natType, mapping: 'endpoint-independent', filtering: 'endpoint-independent', allocation: { kind: 'preserving' }, portPreserving: true, hairpin: undefined, publicAddress: outside, localAddress: undefined,
    servers: [], measuredAtMs: 0, ...changes,
  };
}

const mapping = { protocol: 'pcp', external: outside, internal: { host: '10.0.0.2', port: 4433 } } as const;
const nothing: ReachabilityEvidence = { finding: undefined, portMapping: undefined, hosts: ['10.0.0.2'], isAdvertised: false, comers: [], isSeenOutside: false };
const lan = finding('none', { publicAddress: { host: '10.0.0.2', port: 4433 } });

describe('whether others reach a node by itself', () => {
  const table: readonly [string, Partial<ReachabilityEvidence>, boolean | undefined][] = [
    ['nothing is known', {}, undefined],
    ['an interface has a public address', { hosts: ['45.45.45.45'] }, true],
    ['peers see it at a public address that no interface has', { isSeenOutside: true }, false],
    ['there is no NAT and everybody is let in', { finding: finding('none') }, true],
    ['there is no NAT, and whom a firewall lets in is not known', { finding: finding('none', { filtering: 'unknown' }) }, true],
    ['there is no NAT, but a firewall lets in answers only', { finding: finding('none', { filtering: 'address-and-port-dependent' }), hosts: ['45.45.45.45'] }, false],
    ['only nodes of the local network say that there is no NAT', { finding: lan }, undefined],
    ['these do, and others see it at a public address', { finding: lan, isSeenOutside: true }, false],
    ['a full-cone NAT forgets it', { finding: finding('full-cone') }, false],
    ['there is a port-restricted NAT, and a public IPv6 address', { finding: finding('port-restricted'), hosts: ['10.0.0.2', '2001:4860::1'] }, false],
    ['there is a symmetric NAT', { finding: finding('symmetric') }, false],
    ['UDP is blocked', { finding: finding('blocked', { publicAddress: undefined }) }, undefined],
    ['two strangers came in', { finding: finding('port-restricted'), comers: ['8.8.8.8', '9.9.9.9'] }, true],
    ['one stranger came in twice', { isSeenOutside: true, comers: ['8.8.8.8', '8.8.8.8'] }, false],
    ['nodes of the local network came in', { isSeenOutside: true, comers: ['10.0.0.3', '10.0.0.4', '192.168.0.1'] }, false],
    ['a router maps its port', { finding: finding('symmetric'), portMapping: mapping }, true],
    ['a router says so, but others see another address', { finding: finding('symmetric', { publicAddress: { host: '8.8.8.8', port: 1 } }), portMapping: mapping }, false],
    ['the operator says where it is', { finding: finding('symmetric'), isAdvertised: true }, true],
  ];
  for (const [what, evidence, expected] of table) {
    it(`is ${expected === undefined ? 'not known' : expected ? 'so' : 'not so'} where ${what}`, () => expect(judgeReachability({ ...nothing, ...evidence })).to.equal(expected));
  }
});
