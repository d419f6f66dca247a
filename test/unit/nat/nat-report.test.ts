import { expect } from 'chai';
import { readFinding, writeFinding } from '../../../src/lib/nat/finding-codec.js';
import { natAdvice } from '../../../src/lib/nat/nat-advice.js';
import type { NatFinding, PortMapping } from '../../../src/lib/nat/nat-finding.js';
import { natReport } from '../../../src/lib/nat/nat-report.js';

const finding: NatFinding = {
  natType: 'port-restricted', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', allocation: { kind: 'sequential', delta: 2 }, portPreserving: undefined, hairpin: true,
  publicAddress: { host: '45.45.45.45', port: 4433 }, localAddress: { host: '10.0.0.2', port: 4433 }, servers: [{ address: { host: '192.0.2.1', port: 3478 }, mapped: undefined, rttMs: undefined }], measuredAtMs: 5,
};
const mapping: PortMapping = { protocol: 'upnp', external: { host: '45.45.45.45', port: 4433 }, internal: { host: '10.0.0.2', port: 4433 } };

describe('a finding about NATs', () => {
  it('is read as it was stored, but for whom it asked', () => expect(readFinding(writeFinding(finding, 'a,b'), 'a,b')).to.deep.equal({ ...finding, servers: [] }));

  it('is not good on another network, of another format, or where there is none', () => {
    expect(readFinding(writeFinding(finding, 'a,b'), 'a')).to.equal(undefined);
    expect(readFinding({ ...(writeFinding(finding, 'a') as object), version: 2 }, 'a')).to.equal(undefined);
    expect(readFinding(undefined, 'a')).to.equal(undefined);
  });

  it('is reported with null for what is not known, and with the port mapping', () => {
    expect(natReport(finding, undefined)).to.include({ publicAddress: '45.45.45.45:4433', portPreserving: null, hairpin: true, portMapping: null, portDelta: 2, portAllocation: 'sequential' });
    expect(natReport({ ...finding, publicAddress: undefined }, mapping)).to.deep.include({ publicAddress: '45.45.45.45:4433', portMapping: { protocol: 'upnp', external: '45.45.45.45:4433', internal: '10.0.0.2:4433' } });
  });
});

describe('the advice on a NAT', () => {
  const asked = { host: '192.0.2.1', port: 3478 };
  const table: readonly [string, Partial<NatFinding>, PortMapping | undefined, RegExp][] = [
    ['a router that maps the port', {}, mapping, /^The router forwards.*others reach it directly\.$/],
    ['a router that does, behind another NAT', { publicAddress: { host: '8.8.8.8', port: 1 } }, mapping, /second NAT outside/],
    ['no NAT', { natType: 'none', filtering: 'endpoint-independent' }, undefined, /^Others reach this node directly\.$/],
    ['no NAT and a firewall', { natType: 'none' }, undefined, /Allow incoming UDP/],
    ['no NAT and a firewall that could not be tried', { natType: 'none', filtering: 'unknown' }, undefined, /could not be tried/],
    ['a full cone', { natType: 'full-cone' }, undefined, /once it has spoken/],
    ['a restricted cone', {}, undefined, /punching.*Forward the UDP port/],
    ['a symmetric NAT with sequential ports', { natType: 'symmetric' }, undefined, /predicting/],
    ['a symmetric NAT with random ports', { natType: 'symmetric', allocation: { kind: 'random' } }, undefined, /otherwise relayed/],
    ['blocked UDP', { natType: 'blocked' }, undefined, /Allow outgoing UDP/],
    ['nobody who answers', { natType: 'unknown', servers: [] }, undefined, /Nobody answered/],
    ['one server only', { natType: 'unknown', mapping: 'unknown', servers: [{ address: asked, mapped: asked, rttMs: 1 }] }, undefined, /second STUN server/],
    ['servers that cannot try filtering', { natType: 'unknown', servers: [{ address: asked, mapped: asked, rttMs: 1 }] }, undefined, /RFC 5780/],
  ];
  for (const [what, changes, portMapping, expected] of table) it(`fits ${what}`, () => expect(natAdvice({ ...finding, ...changes }, portMapping)).to.match(expected));
});
