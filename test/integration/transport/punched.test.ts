import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { Connection, Route } from '../../../src/lib/transport/endpoint.js';
import { echo, nextConnection, Recorder, routeTo } from './endpoint-fixture.js';
import { RelayedPair } from './relay-fixture.js';

describe('a relayed connection whose ends punch', () => {
  const pair = new RelayedPair();

  beforeEach(() => pair.start());
  afterEach(() => pair.close());

  async function connected(): Promise<{ client: Connection; server: Connection }> {
    const ends = pair.open();
    const accepted = nextConnection(pair.right, (connection) => connection.onStream(echo));
    const client = await pair.left.dial(ends.left);
    const server = await accepted;
    const key = randomBytes(32);
    for (const connection of [client, server]) {
      connection.admit();
      connection.setPathKey(() => key);
    }
    return { client, server };
  }

  function change(connection: Connection, wanted: (route: Route) => boolean): Promise<Route> {
    return new Promise((resolve) => connection.onRouteChange((route) => wanted(route) && resolve(route)));
  }

  async function echoed(client: Connection, bytes: number): Promise<void> {
    const recorder = new Recorder();
    const stream = client.openStream(recorder);
    stream.write(randomBytes(bytes));
    stream.end();
    expect((await recorder.ended).length).to.equal(bytes);
  }

  it('moves to the candidate that answers, of many that do not, and the relay carries nothing more', async () => {
    const { client, server } = await connected();
    await echoed(client, 100_000);
    const nobody = createSocket('udp4');
    await new Promise<void>((resolve) => nobody.bind(0, '127.0.0.1', resolve));
    const direct = Promise.all([client, server].map((one) => change(one, ({ kind }) => kind === 'direct')));
    client.punch([{ kind: 'direct', address: { host: '127.0.0.1', port: nobody.address().port } }, routeTo(pair.right)]);
    expect((await direct)[0]).to.deep.equal(routeTo(pair.right));
    nobody.close();
    const forwarded = pair.forwarded.length;
    await echoed(client, 1_000_000);
    // A packet or two may have been on the way, and both paths are kept alive by probes.
    expect(pair.forwarded.length - forwarded).to.be.below(50);
  });

  it('moves to a path through a side socket, and back to the relay when that is closed', async () => {
    const { client } = await connected();
    const sockets = await pair.left.openSideSockets(3);
    expect(sockets).to.have.length(3);
    const direct = change(client, ({ kind }) => kind === 'direct');
    client.punch([{ ...routeTo(pair.right), socket: sockets[1] }]);
    expect(await direct).to.deep.equal({ ...routeTo(pair.right), socket: sockets[1] });
    await echoed(client, 1_000_000);
    const relayed = change(client, ({ kind }) => kind === 'relay');
    for (const socket of sockets) pair.left.closeSideSocket(socket);
    await relayed;
    expect(client.paths().filter(({ route }) => route.kind === 'direct' && route.socket !== undefined)).to.deep.equal([]);
    await echoed(client, 100_000);
  });

  it('takes no handshakes on side sockets', async () => {
    const [socket] = await pair.right.openSideSockets(1);
    const heard = createSocket('udp4');
    await new Promise<void>((resolve) => heard.bind(0, '127.0.0.1', resolve));
    const port = new Promise<number>((resolve) => heard.on('message', (_, from) => resolve(from.port)));
    expect(pair.right.stun.send(Buffer.from('hello'), { host: '127.0.0.1', port: heard.address().port }, socket)).to.equal(true);
    const sidePort = await port;
    heard.close();
    const controller = new AbortController();
    const dial = pair.left.dial({ kind: 'direct', address: { host: '127.0.0.1', port: sidePort } }, { signal: controller.signal }).catch((error: unknown) => error);
    while ((pair.right.stats().dropped['unusable-address'] ?? 0) === 0) await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(await dial).to.have.property('code', 'MACULA_ABORTED');
  });

  it('opens no more side sockets than the limit', async () => {
    expect(await pair.left.openSideSockets(400)).to.have.length(400);
    expect(await pair.left.openSideSockets(400)).to.have.length(112);
  });
});
