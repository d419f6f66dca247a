import { expect } from 'chai';
import { createHash, randomBytes } from 'node:crypto';
import { delay } from '../../../src/lib/base/abort.js';
import { systemClock } from '../../../src/lib/base/clock.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { RelayKeeper } from '../../../src/lib/nat/relay-keeper.js';
import type { Session } from '../../../src/lib/session/session.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { relayPeerBody } from '../../../src/lib/wire/relay-messages.js';
import { until } from '../session/node-fixture.js';
import { Recorder, echo, routeTo } from '../transport/endpoint-fixture.js';
import { PortNat } from '../transport/port-nat.js';
import { CuttableSockets } from './cuttable-socket.js';
import { RelayMesh, type RelayNode } from './relay-mesh.js';

const never = new AbortController().signal;

async function refusalOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(() => undefined, (reason: unknown) => MaculaError.from(reason));
  return error && [error.code, error.details['reason']];
}

function relayOf(session: Session): string | undefined {
  const { route } = session.connection;
  return route.kind === 'relay' ? route.relay : undefined;
}

describe('relaying between nodes', () => {
  let mesh: RelayMesh;

  beforeEach(() => {
    mesh = new RelayMesh();
  });

  afterEach(() => mesh.close());

  async function pairThrough(relays: readonly RelayNode[]): Promise<{ a: RelayNode; b: RelayNode; session: Session }> {
    const b = await mesh.reserved(relays);
    const a = await mesh.node();
    const session = await a.dialler.dial(b.nodeId, relays[0]!.hint, never);
    return { a, b, session };
  }

  it('reaches a node with a reservation by its id, both ways, and says by which relay', async () => {
    const relay = await mesh.node();
    const { a, b, session } = await pairThrough([relay]);
    expect(session.connection.route).to.include({ kind: 'relay', relay: relay.nodeId });
    expect(await session.request(FrameType.call, 'there')).to.equal('there');
    const back = b.sessions.get(a.nodeId)!;
    expect(back.connection.route).to.include({ kind: 'relay', relay: relay.nodeId });
    expect(await back.request(FrameType.call, 'and back')).to.equal('and back');
    expect(session.hello.observedAddress).to.equal(undefined);
    expect(relay.server.stats()).to.include({ reservations: 1, sessions: 1 });
    expect(relay.kept.get('relayed for')).to.have.members([a.nodeId, b.nodeId]);
    expect([a.kept.get('relayed by'), b.kept.get('relayed by'), b.kept.get('reservations')]).to.deep.equal([[relay.nodeId], [relay.nodeId], [relay.nodeId]]);
  });

  it('tells each end where it sees the other, and nobody else', async () => {
    const relay = await mesh.node();
    const { a, b, session } = await pairThrough([relay]);
    const { route } = session.connection;
    if (route.kind !== 'relay') throw new Error('not relayed');
    expect(await a.ends.locate(route)).to.deep.equal(b.hint.addresses[0]);
    expect(await b.ends.locate(route)).to.deep.equal(a.hint.addresses[0]);
    const c = await mesh.node();
    const stranger = await c.sessions.dial({ kind: 'direct', address: relay.hint.addresses[0]! });
    expect(await refusalOf(stranger.request(FrameType.relayPeer, relayPeerBody(route.sessionId)))).to.deep.equal(['MACULA_RELAY_REFUSED', 'no-session']);
  });

  it('ends the relay\'s session with the connection it carries', async () => {
    const relay = await mesh.node();
    const { session, b } = await pairThrough([relay]);
    await session.close(0, 'done');
    await until(() => relay.server.stats().sessions === 0 && b.ends.list().length === 0, 'the session is over at the relay and at the other end');
    expect(relay.server.stats().ended).to.deep.equal({ closed: 1 });
  });

  it('refuses with a reason: no reservation, relaying switched off, no room, too many sessions; another relay serves', async () => {
    const [off, full, single, good] = [
      await mesh.node({ settings: { relay: false } }), await mesh.node({ settings: { relayMaxReservations: 0 } }), await mesh.node({ settings: { relayMaxSessionsPerPeer: 1 } }), await mesh.node(),
    ];
    const b = await mesh.reserved([single, good]);
    const [a, c] = [await mesh.node(), await mesh.node()];
    const refused: unknown[] = [];
    b.client.on('refused', ({ relay, code, reason }) => refused.push([relay, code, reason]));
    b.candidates.splice(0, 2, off.hint, full.hint);
    b.client.reconsider();
    await until(() => refused.length === 2, 'both refused');
    expect(refused).to.have.deep.members([[off.nodeId, 'MACULA_RELAY_REFUSED', 'disabled'], [full.nodeId, 'MACULA_RELAY_REFUSED', 'reservations']]);
    expect(await refusalOf(a.dialler.dial(b.nodeId, full.hint, never))).to.deep.equal(['MACULA_RELAY_REFUSED', 'no-reservation']);
    await c.dialler.dial(b.nodeId, single.hint, never);
    expect(await refusalOf(a.dialler.dial(b.nodeId, single.hint, never))).to.deep.equal(['MACULA_RELAY_REFUSED', 'sessions-of-peer']);
    expect(single.server.stats().refused).to.deep.equal({ 'sessions-of-peer': 1 });
    const session = await a.dialler.dial(b.nodeId, good.hint, never);
    expect(await session.request(FrameType.call, 1)).to.equal(1);
  });

  it('moves to another relay when the one in use dies, keeps the session, and answers every call once', async () => {
    const [first, second] = [await mesh.node(), await mesh.node()];
    const { a, b, session } = await pairThrough([first, second]);
    session.connection.addRoute(await a.dialler.open(b.nodeId, second.hint, never));
    await until(() => session.connection.paths().filter(({ state }) => state === 'usable').length === 2, 'both relays are usable');
    const inUse = relayOf(session) === first.nodeId ? first : second;
    const other = inUse === first ? second : first;
    const calls = Array.from({ length: 200 }, (_, index) => session.request(FrameType.call, index));
    await inUse.stop();
    calls.push(...Array.from({ length: 200 }, (_, index) => session.request(FrameType.call, 200 + index)));
    expect(await Promise.all(calls)).to.deep.equal(Array.from({ length: 400 }, (_, index) => index));
    expect(session.isClosed).to.equal(false);
    expect(relayOf(session)).to.equal(other.nodeId);
  });

  it('follows an end whose NAT gives it another port, again and again, though it sends the relay itself nothing', async () => {
    const relay = await mesh.node();
    const nat = new PortNat(routeTo(relay.endpoint).address.port);
    await nat.start();
    const b = await mesh.reserved([relay]);
    const a = await mesh.node();
    const session = await a.dialler.dial(b.nodeId, { nodeId: relay.nodeId, addresses: [{ host: '127.0.0.1', port: nat.insidePort }] }, never);
    for (let round = 0; round < 5; round += 1) {
      await nat.rebind();
      expect(await session.request(FrameType.call, round)).to.equal(round);
    }
    expect(relay.endpoint.stats().dropped['relay-source']).to.be.greaterThan(0);
    expect(a.sessions.list().map(({ isClosed }) => isClosed)).to.deep.equal([false, false]);
    nat.close();
  });

  it('gets a second relay in reserve, and another one for each that dies, without being told', async () => {
    const relays = [await mesh.node(), await mesh.node(), await mesh.node()] as const;
    const sockets = new CuttableSockets();
    const b = await mesh.reserved(relays);
    const a = await mesh.node({ openSocket: sockets.open });
    sockets.cut.add(routeTo(b.endpoint).address.port);
    const { sessions, ends, dialler } = a;
    const keeper = new RelayKeeper({ sessions, ends, dialler, relaysOf: async () => relays.map(({ hint }) => hint), clock: systemClock, logger: silentLogger });
    await keeper.start();
    const session = await a.dialler.dial(b.nodeId, relays[0].hint, never);
    const usable = (): (string | undefined)[] => session.connection.paths().flatMap(({ route, state }) => (route.kind === 'relay' && state === 'usable' ? [route.relay] : []));
    await until(() => usable().length === 2, 'two relays');
    const dead = relays.find(({ nodeId }) => nodeId === relayOf(session))!;
    await dead.stop();
    await until(() => usable().length === 2 && !usable().includes(dead.nodeId), 'two others');
    expect(await session.request(FrameType.call, 'still there')).to.equal('still there');
    await keeper.stop();
  });

  it('moves to the direct path under load: every call is answered once, on one connection, and the relay carries probes from then on', async () => {
    const relay = await mesh.node();
    const { a, b, session } = await pairThrough([relay]);
    let answered = 0;
    const call = async (index: number): Promise<void> => {
      expect(await session.request(FrameType.call, index)).to.equal(index);
      answered += 1;
    };
    const calls: Promise<void>[] = [];
    while (answered < 2000) {
      if (calls.length === 500) session.connection.addRoute(routeTo(b.endpoint));
      calls.push(call(calls.length));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(calls);
    expect(answered).to.equal(calls.length);
    expect(session.connection.route).to.deep.equal(routeTo(b.endpoint));
    const { bytes } = relay.server.stats();
    expect(await session.request(FrameType.call, 'x'.repeat(100_000))).to.have.length(100_000);
    expect(relay.server.stats().bytes - bytes).to.be.below(1000);
    expect(a.sessions.list().filter(({ nodeId }) => nodeId === b.nodeId)).to.deep.equal([session]);
  });

  it('falls back to the relay when the direct path is cut under load, returns when it is whole, and loses neither calls nor bytes', async function () {
    this.timeout(60_000);
    const relay = await mesh.node();
    const sockets = new CuttableSockets();
    const b = await mesh.reserved([relay]);
    const a = await mesh.node({ openSocket: sockets.open });
    b.sessions.handleStream('echo', (_header, stream) => echo(stream));
    const session = await a.dialler.dial(b.nodeId, relay.hint, never);
    const direct = routeTo(b.endpoint);
    session.connection.addRoute(direct);
    await until(() => session.connection.route.kind === 'direct', 'the connection is direct');
    const recorder = new Recorder();
    const stream = session.openStream('echo', null, recorder);
    const sent = createHash('sha256');
    const calls: Promise<unknown>[] = [];
    const load = async (until: (answered: number) => boolean): Promise<void> => {
      let answered = 0;
      while (!until(answered)) {
        const index = calls.length;
        calls.push(session.request(FrameType.call, index).then((answer) => {
          expect(answer).to.equal(index);
          answered += 1;
        }));
        const chunk = randomBytes(2000);
        sent.update(chunk);
        stream.write(chunk);
        await delay(systemClock, 1);
      }
    };
    await load((answered) => answered > 100);
    sockets.cut.add(direct.address.port);
    await load((answered) => answered > 500 && session.connection.route.kind === 'relay');
    sockets.cut.clear();
    await load((answered) => answered > 100 && session.connection.route.kind === 'direct');
    await Promise.all(calls);
    stream.end();
    expect(createHash('sha256').update(await recorder.ended).digest('hex')).to.equal(sent.digest('hex'));
    expect(a.sessions.list().filter(({ nodeId }) => nodeId === b.nodeId)).to.deep.equal([session]);
  });

  it('drops what is over its rate, which slows the pair down and harms nothing', async () => {
    const relay = await mesh.node({ settings: { relaySessionBytes: 200_000 } });
    const { session } = await pairThrough([relay]);
    const text = 'x'.repeat(200_000);
    expect(await session.request(FrameType.call, text)).to.equal(text);
    expect(relay.endpoint.stats().dropped['relay-rate-session']).to.be.greaterThan(0);
  });
});
