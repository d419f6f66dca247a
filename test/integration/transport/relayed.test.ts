import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Connection, Route } from '../../../src/lib/transport/endpoint.js';
import { nextHop } from '../../../src/lib/transport/route.js';
import { until } from '../session/node-fixture.js';
import { Recorder, echo, nextConnection, routeTo } from './endpoint-fixture.js';
import { RelayedPair } from './relay-fixture.js';

/** What travels in the tests: found nowhere in what a relay sees. */
const plaintext = 'nobody in between reads this line. ';

function admitBoth(client: Connection, server: Connection): void {
  const key = randomBytes(32);
  for (const connection of [client, server]) {
    connection.admit();
    connection.setPathKey(() => key);
  }
}

function onNextRoute(connection: Connection): Promise<Route> {
  return new Promise((resolve) => connection.onRouteChange(resolve));
}

describe('a connection through a relay', () => {
  let pair: RelayedPair;

  beforeEach(async () => {
    pair = new RelayedPair();
    await pair.start();
  });

  afterEach(() => pair.close());

  async function connect(): Promise<{ client: Connection; server: Connection; sessionId: string }> {
    const { left, sessionId } = pair.open();
    const accepted = nextConnection(pair.right, (connection) => connection.onStream(echo));
    const client = await pair.left.dial(left);
    const server = await accepted;
    admitBoth(client, server);
    return { client, server, sessionId };
  }

  /** Sends bytes to and fro; resolves with whether they came back whole. */
  async function exchange(client: Connection, bytes: number): Promise<boolean> {
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    const sent = Buffer.alloc(bytes, plaintext);
    stream.write(sent);
    stream.end();
    const back = await recorder.ended;
    return createHash('sha256').update(back).digest('hex') === createHash('sha256').update(sent).digest('hex');
  }

  it('is made end to end: both know whom they speak to and by which relay, and the relay sees neither a plain byte nor a datagram over 1200 bytes, which is what every path carries', async () => {
    const { client, server, sessionId } = await connect();
    expect(await exchange(client, 300_000)).to.equal(true);
    expect(client.route).to.include({ kind: 'relay', sessionId });
    expect(server.route).to.include({ kind: 'relay', sessionId });
    expect(client.stats().relayedBytesSent).to.be.greaterThan(300_000).and.equal(client.paths()[0]!.bytesSent);
    const all = Buffer.concat(pair.forwarded);
    expect(all.length).to.be.greaterThan(600_000);
    expect(all.includes(plaintext)).to.equal(false);
    expect(Math.max(...pair.forwarded.map(({ length }) => length))).to.equal(1200);
    expect(pair.forwarded.every((datagram) => datagram.toString('hex', 0, 9) === `05${sessionId}`)).to.equal(true);
  });

  it('moves to a direct path as soon as one works, and nothing is lost, while a stream runs', async () => {
    const { client, server } = await connect();
    const moved = [onNextRoute(client), onNextRoute(server)];
    const running = exchange(client, 5_000_000);
    client.addRoute(routeTo(pair.right));
    for (const route of await Promise.all(moved)) expect(route.kind).to.equal('direct');
    expect(await running).to.equal(true);
    expect(client.isClosed || server.isClosed).to.equal(false);
    expect(client.paths().find(({ route }) => route.kind === 'relay')).to.include({ state: 'usable', selected: false });
  });

  it('moves to another session at once when the relay ends the one in use', async () => {
    const { client, server, sessionId } = await connect();
    const other = await secondRelay(client, server);
    const moved = onNextRoute(client);
    const running = exchange(client, 1_000_000);
    pair.left.leaveRelay(sessionId);
    expect(await moved).to.include({ kind: 'relay', sessionId: other });
    pair.right.leaveRelay(sessionId);
    expect(await running).to.equal(true);
    expect(client.paths().map(({ route }) => (route.kind === 'relay' ? route.sessionId : ''))).to.deep.equal([other]);
  });

  /** A second session; resolves with its id once both sides may use it. */
  async function secondRelay(client: Connection, server: Connection): Promise<string> {
    const first = client.route;
    const { sessionId, left } = pair.open();
    client.addRoute(left);
    await until(() => usable(client, sessionId) && usable(server, sessionId), 'both know the second session');
    expect(client.route).to.equal(first);
    return sessionId;
  }

  it('goes unharmed by a relay that alters, repeats and reorders', async () => {
    const { client } = await connect();
    const held: Buffer[] = [];
    let count = 0;
    pair.tamper = (datagram) => {
      count += 1;
      const altered = Buffer.from(datagram);
      altered[9 + (count % (altered.length - 9))]! ^= 0x5a;
      if (count % 3 === 0) held.push(Buffer.from(datagram));
      const late = count % 7 === 0 ? held.splice(0) : [];
      return [altered, datagram, Buffer.from(datagram), ...late];
    };
    expect(await exchange(client, 300_000)).to.equal(true);
    expect(client.isClosed).to.equal(false);
  });

  it('is not begun, fed or passed on by anybody who does not know the session, or sends from elsewhere', async () => {
    const { client, sessionId } = await connect();
    const stranger = createSocket('udp4');
    await new Promise<void>((resolve) => stranger.bind(0, '127.0.0.1', () => resolve()));
    const recorded = pair.forwarded[0]!;
    const datagrams = [Buffer.from(`05${randomBytes(8).toString('hex')}`, 'hex'), Buffer.concat([Buffer.from('05', 'hex'), randomBytes(8), recorded.subarray(9)]), recorded];
    for (const datagram of datagrams) {
      for (const endpoint of [pair.relay, pair.left, pair.right]) stranger.send(datagram, nextHop(routeTo(endpoint)).port, '127.0.0.1');
    }
    await until(() => ['relay', 'relay-session', 'relay-source'].every((reason) => (pair.relay.stats().dropped[reason] ?? 0) > 0), 'each kind was dropped');
    stranger.close();
    expect(datagrams.map((datagram) => pair.forwarded.filter((one) => one.equals(datagram)).length)).to.deep.equal([0, 0, 1]);
    expect(await exchange(client, 10_000)).to.equal(true);
    expect(client.route).to.include({ kind: 'relay', sessionId });
  });
});

function usable(connection: Connection, sessionId: string): boolean {
  return connection.paths().some(({ route, state }) => route.kind === 'relay' && route.sessionId === sessionId && state === 'usable');
}
