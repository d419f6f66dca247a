import { expect } from 'chai';
import type { NetworkInterfaceInfo } from 'node:os';
import { formatAddress, parseAddress } from '../../../src/lib/base/address.js';
import { addressesFor } from '../../../src/lib/base/address-reach.js';
import { LocalAddresses } from '../../../src/lib/peers/local-addresses.js';

describe('addresses told to a node, or believed from it', () => {
  const all = ['127.0.0.1:1', '[::1]:1', '192.168.1.5:1', '100.64.0.1:1', '169.254.1.1:1', '[fd00::1]:1', '[fe80::1]:1', '8.8.8.8:1', '[2001:4860::1]:1', '224.0.0.1:1'];
  const cases: [string, string[]][] = [
    ['127.0.0.1', ['127.0.0.1:1', '[::1]:1', '192.168.1.5:1', '100.64.0.1:1', '169.254.1.1:1', '[fd00::1]:1', '8.8.8.8:1', '[2001:4860::1]:1']],
    ['10.0.0.1', ['192.168.1.5:1', '100.64.0.1:1', '169.254.1.1:1', '[fd00::1]:1', '8.8.8.8:1', '[2001:4860::1]:1']],
    ['9.9.9.9', ['8.8.8.8:1', '[2001:4860::1]:1']],
  ];
  for (const [host, expected] of cases) {
    it(`at ${host} are those that reach there`, () => {
      expect(addressesFor(host, all.map((text) => parseAddress(text)!)).map(formatAddress)).to.deep.equal(expected);
    });
  }

  it('are canonical, without repeats and without what is no address', () => {
    const odd = [{ host: '::ffff:8.8.8.8', port: 1 }, { host: '8.8.8.8', port: 1 }, { host: 'example.org', port: 1 }, { host: '8.8.4.4', port: 0 }, { host: '8.8.4.4', port: 1.5 }];
    expect(addressesFor('9.9.9.9', odd)).to.deep.equal([{ host: '8.8.8.8', port: 1 }]);
  });
});

describe('local addresses', () => {
  const info = (address: string): NetworkInterfaceInfo => ({ address }) as NetworkInterfaceInfo;
  const interfaces = () => ({ lo: [info('127.0.0.1'), info('::1')], eth0: [info('192.168.1.5'), info('fd00::5'), info('fe80::5%eth0')], tun0: [info('fe80::9')] });
  const list = (host: string, advertise: string[] = []): string[] => new LocalAddresses({ interfaces, bound: () => [{ host, port: 4433 }] }, { advertise }).list().map(formatAddress);

  const cases: [string, string[]][] = [
    ['::', ['192.168.1.5:4433', '[fd00::5]:4433', '127.0.0.1:4433', '[::1]:4433']],
    ['0.0.0.0', ['192.168.1.5:4433', '127.0.0.1:4433']],
    ['192.168.1.5', ['192.168.1.5:4433']],
    ['127.0.0.1', ['127.0.0.1:4433']],
    ['203.0.113.9', ['203.0.113.9:4433']],
  ];
  for (const [host, expected] of cases) it(`of a socket bound to ${host} are those it is reached at`, () => expect(list(host)).to.deep.equal(expected));

  it('are others when the interfaces change', () => {
    let present: ReturnType<typeof interfaces> = interfaces();
    const addresses = new LocalAddresses({ interfaces: () => present, bound: () => [{ host: '0.0.0.0', port: 4433 }] }, { advertise: [] });
    expect(addresses.list().map(formatAddress)).to.deep.equal(['192.168.1.5:4433', '127.0.0.1:4433']);
    present = { ...present, eth0: [info('192.168.1.6')] };
    expect(addresses.list().map(formatAddress)).to.deep.equal(['192.168.1.6:4433', '127.0.0.1:4433']);
    expect(addresses.interfaces().map(({ name }) => name)).to.deep.equal(['lo', 'eth0']);
  });

  it('are what the setting says where it says something', () => {
    expect(list('::', ['203.0.113.7:5000', '[2001:db8::1]:5000'])).to.deep.equal(['203.0.113.7:5000', '[2001:db8::1]:5000']);
    expect(() => list('::', ['example.org:1'])).to.throw().with.property('code', 'MACULA_INVALID_CONFIG');
  });

  it('include a public address once two peers have seen it', () => {
    const addresses = new LocalAddresses({ interfaces, bound: () => [{ host: '0.0.0.0', port: 4433 }] }, { advertise: [] });
    addresses.observe('a', { host: '8.8.8.8', port: 999 });
    addresses.observe('a', { host: '8.8.8.8', port: 1000 });
    addresses.observe('c', { host: '192.168.9.9', port: 1000 });
    expect(addresses.observedAddress()).to.deep.equal({ host: '8.8.8.8', port: 1000 });
    expect(addresses.list()).to.have.length(2);
    addresses.observe('b', { host: '8.8.8.8', port: 1000 });
    expect(addresses.list()[0]).to.deep.equal({ host: '8.8.8.8', port: 1000 });
    for (let index = 0; index < 1000; index++) addresses.observe(`x${index}`, { host: '9.9.9.9', port: 1 + index });
    expect(addresses.list(), 'many lone voices are no confirmation').to.have.length(2);
  });

  it('are told by interface, without those that have none', () => {
    const addresses = new LocalAddresses({ interfaces, bound: () => [{ host: '::', port: 1 }] }, { advertise: [] });
    expect(addresses.interfaces().map(({ name }) => name)).to.deep.equal(['lo', 'eth0']);
  });
});
