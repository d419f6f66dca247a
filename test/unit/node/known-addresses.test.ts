import { expect } from 'chai';
import { contactOf } from '../../../src/lib/dht/contact.js';
import { knownAddresses } from '../../../src/lib/node/known-addresses.js';

describe('known addresses of a node', () => {
  const nodeId = 'a'.repeat(64);
  const [remembered, inTable] = [{ host: '203.0.113.1', port: 1 }, { host: '203.0.113.2', port: 2 }];
  const book = (...addresses: typeof remembered[]) => ({ addresses: (id: string) => (id === nodeId ? addresses : []) });
  const dht = { contact: (id: string) => (id === nodeId ? contactOf(nodeId, [inTable], 'public') : undefined) };

  const cases: [string, Parameters<typeof knownAddresses>[0], (typeof remembered)[]][] = [
    ['are those remembered of a peer', { peerBook: book(remembered), dht }, [remembered]],
    ['are those of the routing table where it is no peer', { peerBook: book(), dht }, [inTable]],
    ['are those of the routing table while peers are not running', { peerBook: undefined, dht }, [inTable]],
    ['are none where nobody knows it', { peerBook: book(), dht: { contact: () => undefined } }, []],
    ['are none while neither runs', { peerBook: undefined, dht: undefined }, []],
  ];
  for (const [what, sources, expected] of cases) it(what, () => expect(knownAddresses(sources, nodeId)).to.deep.equal(expected));
});
