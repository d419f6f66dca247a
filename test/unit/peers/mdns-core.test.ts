import { expect } from 'chai';
import { announcement, asksForUs, findNodes, question, realmTag, serviceRecord, type MdnsMessage, type MdnsRecord } from '../../../src/lib/peers/mdns-core.js';

const nodeId = 'ab'.repeat(32);
const other = 'cd'.repeat(32);
const tag = realmTag('macula');
const own = { nodeId: other, realmTag: tag, addresses: [{ host: '192.168.1.2', port: 4433 }, { host: '2001:db8:0:1::2', port: 4433 }] };
const addresses = [{ host: '192.168.1.5', port: 4433 }, { host: 'fd00::5', port: 4433 }];
const sent = announcement({ nodeId, realmTag: tag, addresses });

/** The announcement with records replaced by type. */
function altered(change: (record: MdnsRecord) => MdnsRecord | MdnsRecord[]): MdnsMessage {
  return { answers: sent.flatMap(change) };
}

describe('an announcement on the local network', () => {
  it('says id, port and addresses, and not the name of the realm', () => {
    expect(findNodes({ answers: sent }, '192.168.1.5', own)).to.deep.equal([{ nodeId, addresses }]);
    expect(JSON.stringify(sent)).to.not.include('"macula"');
    expect(realmTag('macula')).to.match(/^[0-9a-f]{16}$/).and.not.equal(realmTag('other'));
  });

  it('is understood when the text comes as bytes and names in capitals', () => {
    const message = altered((record) => ({ ...record, name: record.name.toUpperCase(), data: record.type === 'TXT' ? (record.data as string[]).map((text) => Buffer.from(text)) : record.data }));
    expect(findNodes(message, '192.168.1.5', own)).to.have.length(1);
  });

  const ignored: [string, MdnsMessage][] = [
    ['of this node itself', { answers: announcement({ nodeId: other, realmTag: tag, addresses }) }],
    ['of another realm', { answers: announcement({ nodeId, realmTag: realmTag('other'), addresses }) }],
    ['that says goodbye', { answers: announcement({ nodeId, realmTag: tag, addresses }, true) }],
    ['without a port', altered((record) => (record.type === 'SRV' ? [] : record))],
    ['with port 0', altered((record) => (record.type === 'SRV' ? { ...record, data: { port: 0, target: 'x.local' } } : record))],
    ['without an id', altered((record) => (record.type === 'TXT' ? { ...record, data: [`r=${tag}`] } : record))],
    ['with an id that is none', altered((record) => (record.type === 'TXT' ? { ...record, data: ['id=zz', `r=${tag}`] } : record))],
    ['of another service', altered((record) => ({ ...record, name: record.name.replace('_macula', '_http') }))],
    ['with records of other shapes', { answers: [{ name: 'x._macula._udp.local', type: 'TXT', data: { a: 1 } }, { name: 'y', type: 'SRV', data: null }] }],
    ['with nothing in it', {}],
  ];
  for (const [what, message] of ignored) {
    it(`${what} is ignored`, () => expect(findNodes(message, '192.168.1.5', own)).to.deep.equal([]));
  }

  it('is believed about local addresses and about its sender only', () => {
    const message = altered((record) => (record.type === 'A' ? ['8.8.8.8', '127.0.0.1', '224.0.0.1', 'nonsense', '10.0.0.9'].map((data) => ({ ...record, data })) : record.type === 'AAAA' ? [] : record));
    expect(findNodes(message, '203.0.113.9', own)).to.deep.equal([{ nodeId, addresses: [{ host: '203.0.113.9', port: 4433 }, { host: '10.0.0.9', port: 4433 }] }]);
  });

  it('is believed about public IPv6 addresses of the network this node is in, which the sender of a link-local address cannot prove', () => {
    const message = altered((record) => (record.type === 'AAAA' ? ['2001:db8:0:1::5', '2001:db8:0:2::5', 'fe80::5', '::1'].map((data) => ({ ...record, data })) : record.type === 'A' ? [] : record));
    expect(findNodes(message, 'fe80::5%eth0', own)).to.deep.equal([{ nodeId, addresses: [{ host: '2001:db8:0:1::5', port: 4433 }] }]);
  });

  it('costs a bounded amount of work, whatever it holds', () => {
    const many: MdnsRecord[] = [];
    for (let index = 0; index < 100_000; index++) many.push({ name: `n${index}._macula._udp.local`, type: 'TXT', data: [`id=${index.toString(16).padStart(64, '0')}`, `r=${tag}`] });
    expect(findNodes({ answers: [...sent, ...many] }, '192.168.1.5', own)).to.have.length(1);
    const flood = sent.flatMap((record) => (record.type === 'A' ? Array.from({ length: 50 }, (_, index) => ({ ...record, data: `10.0.0.${index}` })) : [record]));
    expect(findNodes({ answers: flood }, '192.168.1.5', own)[0]!.addresses).to.have.length(8);
  });

  it('is not made without an address', () => {
    expect(announcement({ nodeId, realmTag: tag, addresses: [] })).to.deep.equal([]);
  });
});

describe('a question on the local network', () => {
  const asked: [string, string, boolean][] = [
    [question.name, question.type, true],
    ['_MACULA._udp.LOCAL', 'ANY', true],
    [serviceRecord().name, 'PTR', true],
    [`${nodeId.slice(0, 16)}._macula._udp.local`, 'SRV', true],
    [`${other.slice(0, 16)}._macula._udp.local`, 'SRV', false],
    ['_macula._udp.local', 'A', false],
    ['_http._tcp.local', 'PTR', false],
  ];
  for (const [name, type, expected] of asked) {
    it(`for ${name} ${type} is ${expected ? '' : 'not '}answered`, () => expect(asksForUs({ questions: [{ name, type }] }, { nodeId })).to.equal(expected));
  }
});
