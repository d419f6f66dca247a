import { expect } from 'chai';
import { systemClock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { RelayKeeper } from '../../../src/lib/nat/relay-keeper.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { until } from '../session/node-fixture.js';
import { routeTo } from '../transport/endpoint-fixture.js';
import { CuttableSockets } from './cuttable-socket.js';
import { RelayMesh } from './relay-mesh.js';

const never = new AbortController().signal;

describe('a connection with more ways through relays than it needs', () => {
  let mesh: RelayMesh;

  beforeEach(() => {
    mesh = new RelayMesh();
  });

  afterEach(() => mesh.close());

  it('keeps two, of different relays, on both ends and with the relays, and goes on', async () => {
    const relays = [await mesh.node(), await mesh.node()] as const;
    const sockets = new CuttableSockets();
    const b = await mesh.reserved(relays);
    const a = await mesh.node({ openSocket: sockets.open });
    sockets.cut.add(routeTo(b.endpoint).address.port);
    const session = await a.dialler.dial(b.nodeId, relays[0].hint, never);
    // As when both ends dialled by all relays at once.
    for (const { hint } of [relays[1], relays[0], relays[1]]) a.dialler.attach(session, await a.dialler.open(b.nodeId, hint, never));
    // The other end learns of each from its relay.
    await until(() => [a, b].every(({ ends }) => ends.list().length === 4), 'both ends have four');
    const { sessions, ends, dialler } = a;
    const keeper = new RelayKeeper({ sessions, ends, dialler, relaysOf: async () => relays.map(({ hint }) => hint), clock: systemClock, logger: silentLogger });
    const gone = Promise.all([a, b].map((node) => new Promise<void>((resolve) => node.ends.on('ended', () => node.ends.list().length === 2 && resolve()))));
    await keeper.start();
    await gone;
    for (const { ends: held } of [a, b]) expect(new Set(held.list().map(({ route }) => route.relay)).size).to.equal(2);
    await until(() => relays.every(({ server }) => server.stats().sessions === 1), 'each relay has one');
    expect(await session.request(FrameType.call, 'still there')).to.equal('still there');
    await keeper.stop();
  });
});
