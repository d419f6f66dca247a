import { expect } from 'chai';
import type { SocketAddress } from '../../../src/lib/base/address.js';
import { contactOf, contactsFor } from '../../../src/lib/dht/contact.js';

const at = (...hosts: string[]): SocketAddress[] => hosts.map((host) => ({ host, port: 4433 }));
const id = (digit: string): string => digit.repeat(64);

describe('contacts told to others', () => {
  const lan = contactOf(id('a'), at('10.0.0.5', '198.51.100.5'));
  const local = contactOf(id('b'), at('127.0.0.1'));
  const cases: [string, string, string[]][] = [
    ['a node elsewhere hears of public addresses only', '203.0.113.9', ['198.51.100.5']],
    ['a node on a private network hears of private ones, too', '10.0.0.9', ['10.0.0.5', '198.51.100.5']],
    ['a node on this machine hears of all', '127.0.0.1', ['10.0.0.5', '198.51.100.5', '127.0.0.1']],
  ];
  for (const [sentence, host, told] of cases) {
    it(sentence, () => {
      const contacts = contactsFor(contactOf(id('c'), at(host)), [lan, local]);
      expect(contacts.flatMap(({ addresses }) => addresses.map((address) => address.host))).to.deep.equal(told);
    });
  }

  it('a contact that is left without an address is not told', () => {
    expect(contactsFor(contactOf(id('c'), at('203.0.113.9')), [local])).to.deep.equal([]);
  });
});
