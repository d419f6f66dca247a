import { expect } from 'chai';
import { silentLogger, type Logger } from '../../../src/lib/base/logger.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { MdnsDiscovery } from '../../../src/lib/peers/mdns.js';
import { announcement, question, realmTag, type MdnsRecord } from '../../../src/lib/peers/mdns-core.js';
import type { MdnsSocketEvents } from '../../../src/lib/peers/mdns-socket.js';
import type { LocalInterface } from '../../../src/lib/peers/local-addresses.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const nodeId = 'ab'.repeat(32);
const other = 'cd'.repeat(32);

/** What one interface's socket was asked to do. */
interface Wire {
  host: string;
  events: MdnsSocketEvents;
  queries: number[];
  responses: { atMs: number; records: readonly MdnsRecord[] }[];
  closed: boolean;
}

describe('discovery on the local network', () => {
  let clock: VirtualClock;
  let wires: Wire[];
  let interfaces: LocalInterface[];
  let found: string[];
  let warnings: number;
  let discovery: MdnsDiscovery;

  const lan = (name: string, ...hosts: string[]): LocalInterface => ({ name, addresses: hosts.map((host) => ({ host, port: 4433 })) });

  beforeEach(async () => {
    clock = new VirtualClock();
    wires = [];
    interfaces = [{ name: 'lo', addresses: [{ host: '127.0.0.1', port: 4433 }] }, lan('eth0', '192.168.1.5')];
    found = [];
    warnings = 0;
    const logger: Logger = { ...silentLogger, warn: () => void warnings++ };
    discovery = new MdnsDiscovery(
      {
        nodeId, clock, logger, random: seededRandom(1),
        localAddresses: { interfaces: () => interfaces },
        onFound: (id, addresses) => found.push(`${id.slice(0, 2)} ${addresses[0]!.host}`),
        openSocket: (host, events) => {
          const wire: Wire = { host, events, queries: [], responses: [], closed: false };
          wires.push(wire);
          return {
            query: () => void wire.queries.push(clock.nowMs()),
            respond: (records) => Promise.resolve(void wire.responses.push({ atMs: clock.nowMs(), records })),
            close: () => Promise.resolve(void (wire.closed = true)),
          };
        },
      },
      { realm: 'macula' },
    );
    await discovery.start();
  });

  afterEach(() => discovery.stop());

  it('announces twice and asks less and less often', () => {
    clock.advance(10 * 60_000);
    expect(wires.map(({ host }) => host)).to.deep.equal(['192.168.1.5']);
    expect(wires[0]!.responses.map(({ atMs }) => atMs)).to.deep.equal([0, 1000]);
    const pauses = wires[0]!.queries.slice(1).map((atMs, index) => atMs - wires[0]!.queries[index]!);
    expect(pauses[0]).to.be.within(1000, 1200);
    expect(pauses.at(-1)).to.be.within(60_000, 72_000);
    expect(wires[0]!.queries.length).to.be.lessThan(17);
  });

  it('answers a question, at most once a second', () => {
    clock.advance(5000);
    for (let index = 0; index < 10; index++) wires[0]!.events.onQuery({ questions: [question] });
    expect(wires[0]!.responses).to.have.length(3);
    clock.advance(1000);
    wires[0]!.events.onQuery({ questions: [question] });
    expect(wires[0]!.responses).to.have.length(4);
  });

  it('reports nodes of its realm, and looks at a bounded number of messages', () => {
    const message = { answers: announcement({ nodeId: other, realmTag: realmTag('macula'), addresses: [{ host: '192.168.1.9', port: 4433 }] }) };
    wires[0]!.events.onResponse(message, '192.168.1.9');
    expect(found).to.deep.equal(['cd 192.168.1.9']);
    for (let index = 0; index < 10_000; index++) wires[0]!.events.onResponse(message, '192.168.1.9');
    expect(found.length).to.be.at.most(100);
  });

  it('follows interfaces that come, go and change', () => {
    interfaces = [lan('wlan0', '10.0.0.7', '10.0.0.8')];
    clock.advance(10_000);
    expect(wires.map(({ host, closed }) => [host, closed])).to.deep.equal([['192.168.1.5', true], ['10.0.0.7', false]]);
    interfaces = [lan('wlan0', '10.0.0.7')];
    const before = wires[1]!.responses.length;
    clock.advance(10_000);
    expect(wires[1]!.responses.at(-1)!.records.filter(({ type }) => type === 'A').map(({ data }) => data)).to.deep.equal(['10.0.0.7']);
    expect(wires[1]!.responses.length).to.be.greaterThan(before);
  });

  it('speaks over each address family that an interface has, and announces both on both', () => {
    interfaces = [lan('lo', '127.0.0.1', '::1'), lan('eth0', '192.168.1.5', 'fd00::1'), lan('eth1', 'fd00:1::1')];
    clock.advance(10_000);
    expect(wires.filter(({ closed }) => !closed).map(({ host }) => host)).to.deep.equal(['192.168.1.5', '::%eth0', '::%eth1']);
    for (const { responses } of wires.slice(0, 2)) {
      expect(responses.at(-1)!.records.flatMap(({ type, data }) => (type === 'A' || type === 'AAAA' ? [data] : []))).to.deep.equal(['192.168.1.5', 'fd00::1']);
    }
  });

  it('does not warn where only IPv6 has no multicast', () => {
    interfaces = [lan('eth0', '192.168.1.5', 'fd00::1')];
    clock.advance(10_000);
    wires.at(-1)!.events.onFailure(new Error('ENODEV'));
    expect(warnings).to.equal(0);
    expect(wires.map(({ closed }) => closed)).to.deep.equal([false, true]);
  });

  it('warns once about an interface without multicast, and tries it again now and then', () => {
    for (let round = 0; round < 5; round++) {
      wires.at(-1)!.events.onFailure(new Error('ENODEV'));
      wires.at(-1)!.events.onFailure(new Error('and again'));
      expect(wires.at(-1)!.closed).to.equal(true);
      clock.advance(50_000);
      expect(wires).to.have.length(round + 1);
      clock.advance(20_000);
      expect(wires).to.have.length(round + 2);
    }
    expect(warnings).to.equal(1);
  });

  it('says goodbye and leaves no timer behind', async () => {
    await discovery.stop();
    const last = wires[0]!.responses.at(-1)!.records;
    expect(last).to.not.have.length(0);
    expect(last.every(({ ttl }) => ttl === 0)).to.equal(true);
    expect(clock.pendingTimers).to.equal(0);
  });
});
