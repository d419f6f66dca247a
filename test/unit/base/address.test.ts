import { expect } from 'chai';
import { addressPrefix, addressScope, canonicalHost, formatAddress, parseAddress } from '../../../src/lib/base/address.js';

describe('addresses', () => {
  const hosts: [string, string | undefined][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['192.0.2.256', undefined],
    ['127.1', undefined],
    ['example.org', undefined],
    ['', undefined],
  ];
  for (const [written, canonical] of hosts) {
    it(`reads host ${JSON.stringify(written)} as ${canonical}`, () => expect(canonicalHost(written)).to.equal(canonical));
  }

  for (const text of ['192.0.2.1:4433', '[2001:db8::1]:1']) {
    it(`${text} is parsed and formatted back`, () => expect(formatAddress(parseAddress(text)!)).to.equal(text));
  }

  for (const text of ['192.0.2.1', '192.0.2.1:0', '192.0.2.1:65536', '2001:db8::1:4433', '[192.0.2.1]:1', 'host:1', '192.0.2.1:1x']) {
    it(`${text} is no address`, () => expect(parseAddress(text)).to.equal(undefined));
  }

  it('counts addresses under their network prefix', () => {
    expect(addressPrefix('198.51.100.77', 24, 48)).to.equal('198.51.100.0/24');
    expect(addressPrefix('198.51.103.77', 22, 48)).to.equal('198.51.100.0/22');
    expect(addressPrefix('2001:db8:1:2:3::4', 24, 48)).to.equal('2001:db8:1::/48');
    expect(addressPrefix('::ffff:198.51.100.77', 32, 64)).to.equal('198.51.100.77/32');
  });

  const scopes = { '127.0.0.2': 'loopback', '::1': 'loopback', '10.1.2.3': 'private', '100.64.0.1': 'private', 'fd00::1': 'private', '169.254.1.1': 'link-local', 'fe80::1': 'link-local', '224.0.0.1': 'unusable', '0.0.0.0': 'unusable', '203.0.113.9': 'public', '2001:4860::1': 'public' };
  for (const [host, scope] of Object.entries(scopes)) {
    it(`${host} is ${scope}`, () => expect(addressScope(host)).to.equal(scope));
  }
});
