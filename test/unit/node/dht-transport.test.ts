import { expect } from 'chai';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { contactOf, type Contact } from '../../../src/lib/dht/contact.js';
import { PooledDhtTransport } from '../../../src/lib/node/dht-transport.js';
import { sessionContact } from '../../../src/lib/node/session-contact.js';
import { ConnectionPool } from '../../../src/lib/pool/connection-pool.js';
import type { Session } from '../../../src/lib/session/session.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { SessionNetwork, type SessionNode } from '../../support/session-nodes.js';

const { findNode, findNodeReply } = FrameType;
const nodeId = 'ab'.repeat(32);

describe('the DHT over the connection pool', () => {
  let network: SessionNetwork;
  beforeEach(() => void (network = new SessionNetwork()));

  interface Reached extends SessionNode {
    readonly pool: ConnectionPool;
    readonly transport: PooledDhtTransport;
    readonly contact: Contact;
  }

  async function reached(letter: string): Promise<Reached> {
    const node = await network.node(letter);
    const { sessions, endpoint } = node;
    const pool = new ConnectionPool(
      {
        nodeId: node.nodeId, sessions, clock: network.clock, random: seededRandom(1), addressBook: { resolve: async () => [] },
        dialler: { dial: (expectedId, [address], signal) => sessions.dial({ kind: 'direct', address: address! }, { expectedId, signal }) },
      },
      defaultSettings(),
    );
    await pool.start();
    return { ...node, pool, transport: new PooledDhtTransport({ pool, sessions }), contact: contactOf(node.nodeId, [endpoint.route.address]) };
  }

  const ask = (from: Reached, to: Reached): Promise<unknown> =>
    network.run(from.transport.request(to.contact, findNode, 'question', { timeoutMs: 1000 }));

  it('dials a contact at its addresses, and tells the other side who asks', async () => {
    const [a, b] = [await reached('a'), await reached('b')];
    const asked: Contact[] = [];
    b.transport.serve(findNode, findNodeReply, (body, from) => (asked.push(from), [body, 'answer']));
    expect(await ask(a, b)).to.deep.equal(['question', 'answer']);
    expect(asked.map((contact) => contact.nodeId)).to.deep.equal([a.nodeId]);
    expect(asked[0]!.addresses).to.deep.include(a.endpoint.route.address);
    expect([...a.transport.connected()].map((contact) => contact.nodeId)).to.deep.equal([b.nodeId]);
  });

  it('tells of sessions that open and close, until nobody listens', async () => {
    const [a, b] = [await reached('a'), await reached('b')];
    const heard: string[] = [];
    const stop = a.transport.listen({ opened: (contact) => heard.push(`opened ${contact.nodeId[0]}`), closed: (closed) => heard.push(`closed ${closed[0]}`) });
    b.transport.serve(findNode, findNodeReply, () => null);
    await ask(a, b);
    await network.run(a.sessions.get(b.nodeId)!.close(0, 'done'));
    await network.clock.advanceUntil(() => heard.length === 2);
    expect(heard).to.deep.equal(['opened b', 'closed b']);
    stop();
    await ask(a, b);
    expect(heard).to.have.length(2);
  });

  it('keeps the connections the DHT wants kept', async () => {
    const [a, b] = [await reached('a'), await reached('b')];
    b.transport.serve(findNode, findNodeReply, () => null);
    await ask(a, b);
    const states = (): unknown => a.pool.stats({ connections: true }).connections!.map(({ state }) => state);
    expect(states()).to.deep.equal(['idle']);
    a.transport.keep([b.nodeId]);
    expect(states()).to.deep.equal(['kept']);
    a.transport.keep([]);
    expect(states()).to.deep.equal(['idle']);
  });
});

describe('the contact of a session', () => {
  const publicHost = '198.51.100.7';

  function session(some: { host?: string; direction?: 'in' | 'out'; listen?: readonly string[]; kind?: string }): Session {
    const { host = publicHost, direction = 'out', listen = [], kind = 'direct' } = some;
    return {
      nodeId, direction,
      hello: { listen: listen.map((each) => ({ host: each, port: 4433 })) },
      connection: { route: { kind, address: { host, port: 4433 }, relay: 'f'.repeat(64), via: { host, port: 4433 } } },
    } as unknown as Session;
  }
  const hosts = (contact: Contact): string[] => contact.addresses.map(({ host }) => host);

  it('begins with the address its packets come from, names each address once, and none that is no business of others', () => {
    expect(hosts(sessionContact(session({ listen: ['203.0.113.9', publicHost, '10.0.0.1', '127.0.0.1'] })))).to.deep.equal([publicHost, '203.0.113.9']);
    expect(hosts(sessionContact(session({ host: '10.0.0.2', listen: ['203.0.113.9', '10.0.0.1'] })))).to.deep.equal(['10.0.0.2', '203.0.113.9', '10.0.0.1']);
  });

  it('is known to be reachable only when it answered a dial', () => {
    expect(sessionContact(session({ direction: 'out' })).reachability).to.equal('public');
    expect(sessionContact(session({ direction: 'in' })).reachability).to.equal('unknown');
  });

  it('has no address of its own behind a relay', () => {
    expect(sessionContact(session({ kind: 'relay' }))).to.deep.include({ reachability: 'relayed', addresses: [], relays: [{ nodeId: 'f'.repeat(64), addresses: [{ host: publicHost, port: 4433 }] }] });
  });
});
