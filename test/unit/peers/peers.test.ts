import { expect } from 'chai';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { PeerCloseCode } from '../../../src/lib/peers/close-codes.js';
import { CloseCode } from '../../../src/lib/transport/endpoint.js';
import { FrameType } from '../../../src/lib/wire/frame-type.js';
import { PeersLab, type PeersNode } from './peers-lab.js';

describe('peers', () => {
  let lab: PeersLab;
  beforeEach(() => void (lab = new PeersLab()));
  afterEach(() => lab.close());

  /** Five nodes, of which four know only the first. */
  async function five(): Promise<PeersNode[]> {
    const first = await lab.node('1');
    const rest = await Promise.all(['2', '3', '4', '5'].map((letter) => lab.node(letter, { bootstrapUrl: [first.url], keepaliveIntervalMs: 1000, idleTimeoutMs: 5000 })));
    const all = [first, ...rest];
    for (const { peers } of all) await peers.start();
    return all;
  }

  it('come to know each other within five seconds when all but one know only that one', async () => {
    const nodes = await five();
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);
    for (const { peers } of nodes) expect(peers.countPeers()).to.include({ connected: 4, connecting: 0, refused: 0, known: 4 });
  });

  it('keep each other when the first dies, take it back when it returns, and find each other again without bootstrap', async () => {
    const nodes = await five();
    const [first, ...rest] = nodes as [PeersNode, ...PeersNode[]];
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);
    await lab.crash(first);
    await lab.clock.advanceAsync(60_000);
    expect(lab.isMesh(rest)).to.equal(true);
    expect(rest[0]!.peers.peer(first.nodeId)?.state).to.be.oneOf(['waiting', 'connecting']);

    await lab.restart(first);
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);

    for (const node of nodes) await lab.crash(node);
    for (const node of nodes) await lab.restart(node, { bootstrapUrl: [] });
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);
  });

  it('are listed with what an operator wants to know', async () => {
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    await Promise.all([a.peers.start(), b.peers.start()]);
    await lab.network.run(a.peers.startPeer(b.url));
    await lab.clock.advanceAsync(2000);
    const [peer] = a.peers.listPeers();
    expect(peer).to.include({ nodeId: b.nodeId, address: '10.0.0.2:4433', path: 'direct', relay: undefined, direction: 'out', state: 'connected', origin: 'wanted', lastError: undefined });
    expect(peer!.connectedSeconds).to.be.closeTo(2, 0.1);
    expect(b.peers.listPeers()[0]).to.include({ nodeId: a.nodeId, direction: 'in', state: 'connected', origin: 'learned' });
  });

  it('given by name are tried at every address of the name', async () => {
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    lab.names.set('b.example', ['10.9.9.9', b.endpoint.address.host]);
    await a.peers.start();
    const startedMs = lab.clock.nowMs();
    expect((await lab.network.run(a.peers.startPeer('b.example'))).nodeId).to.equal(b.nodeId);
    expect(lab.clock.nowMs() - startedMs).to.be.within(250, 500);
    expect((await lab.network.outcome(a.peers.startPeer('nobody.example'))).error).to.include({ code: 'MACULA_UNREACHABLE' });
    expect(a.peers.listPeers(), 'what could not be started is not kept').to.have.length(1);
  });

  it('given by a URL without id are pinned on first use, and another node at that URL is refused', async () => {
    const [a, b, thief] = [await lab.node('a'), await lab.node('b'), await lab.node('c')];
    await a.peers.start();
    await lab.network.run(a.peers.startPeer(b.url));
    expect(a.pins.pinned(b.url)).to.equal(b.nodeId);
    await a.peers.stop();
    await b.endpoint.stop();
    thief.endpoint.moveTo(b.endpoint.address);

    a.peers = lab.peersOf(a, { ...a.settings, bootstrapUrl: [b.url] });
    await a.peers.start();
    await lab.clock.advanceAsync(1000);
    expect(a.peers.listPeers()[0]).to.include({ nodeId: b.nodeId, state: 'refused' }).and.to.have.nested.property('lastError.code', 'MACULA_PIN_MISMATCH');
    expect(a.sessions.list()).to.deep.equal([]);
    await lab.clock.advanceAsync(200_000);
    expect(a.warnings, 'warned about once').to.have.length(1);

    await a.pins.pin(b.url, thief.nodeId);
    a.peers.retry(b.url);
    await lab.clock.advanceUntil(() => a.peers.peer(thief.nodeId)?.state === 'connected', 1000);
  });

  it('of another realm are shown as refused, with the reason', async () => {
    const b = await lab.node('b', { realm: 'other' });
    const a = await lab.node('a', { bootstrapUrl: [b.url] });
    await a.peers.start();
    await lab.clock.advanceAsync(1000);
    expect(a.peers.listPeers()[0]).to.include({ state: 'refused', nodeId: undefined, address: '10.0.0.1:4433' }).and.to.have.nested.property('lastError.code', 'MACULA_REALM_MISMATCH');
  });

  it('do not include the node itself when its own URL is configured', async () => {
    const a = await lab.node('a', { bootstrapUrl: ['https://10.0.0.1:4433', 'macula://' + 'a'.repeat(64) + '@10.0.0.1'] });
    await a.peers.start();
    await lab.clock.advanceAsync(100_000);
    expect(a.peers.listPeers()).to.deep.equal([]);
    expect((await lab.network.outcome(a.peers.startPeer(a.nodeId))).error).to.include({ code: 'MACULA_SELF_DIAL' });
  });

  it('that are stopped stay away for a while, and others stay', async () => {
    const nodes = await five();
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);
    const [first, second, ...rest] = nodes as [PeersNode, PeersNode, ...PeersNode[]];
    await lab.network.run(second.peers.stopPeer(first.nodeId));
    await lab.clock.advanceAsync(30_000);
    expect(second.peers.peer(first.nodeId)).to.equal(undefined);
    expect(first.peers.peer(second.nodeId)).to.include({ state: 'refused' });
    expect(lab.isMesh([second, ...rest]) && lab.isMesh([first, ...rest])).to.equal(true);
    expect((await lab.network.outcome(second.peers.stopPeer('f'.repeat(64)))).error).to.include({ code: 'MACULA_PEER_NOT_FOUND' });
    await lab.network.run(second.peers.startPeer(first.nodeId).catch(() => second.peers.startPeer(first.url)));
    expect(second.peers.peer(first.nodeId)?.state).to.equal('connected');
  });

  it('can be asked for by id only when an address is known', async () => {
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    await a.peers.start();
    expect((await lab.network.outcome(a.peers.startPeer(b.nodeId))).error).to.include({ code: 'MACULA_PEER_NOT_FOUND' });
    a.peers.learn(b.nodeId, [b.endpoint.address], 'mdns');
    expect((await lab.network.run(a.peers.startPeer(b.nodeId))).nodeId).to.equal(b.nodeId);
  });

  it('that were marked untrusted are not dialled', async () => {
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    await a.pins.deny(b.nodeId);
    await a.peers.start();
    a.peers.learn(b.nodeId, [b.endpoint.address], 'mdns');
    await lab.clock.advanceAsync(100_000);
    expect(b.opened).to.deep.equal([]);
    expect((await lab.network.outcome(a.peers.startPeer(b.url))).error).to.include({ code: 'MACULA_PEER_UNTRUSTED' });
  });

  it('are dialled at once when a new address of theirs is found, however long the pause was to be', async () => {
    const [a, b] = [await lab.node('a', { reconnectMinMs: 30_000 }), await lab.node('b')];
    await a.peers.start();
    a.peers.learn(b.nodeId, [{ host: '10.7.7.7', port: 1 }], 'exchanged');
    await lab.clock.advanceAsync(12_000);
    expect(a.peers.listPeers()).to.deep.equal([]);
    a.peers.learn(b.nodeId, [b.endpoint.address], 'mdns');
    await lab.clock.advanceUntil(() => a.peers.peer(b.nodeId)?.state === 'connected', 1000);
  });

  it('are taken up again when stopped and started', async () => {
    const nodes = await five();
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);
    const { peers } = nodes[2]!;
    await peers.stop();
    expect((await lab.network.outcome(peers.startPeer(nodes[0]!.url))).error).to.include({ code: 'MACULA_CONNECTION_CLOSED' });
    const lost = nodes[3]!;
    await lab.crash(lost);
    await lab.clock.advanceAsync(60_000);
    await peers.start();
    expect(peers.countPeers()).to.include({ connected: 3 });
    await lab.restart(lost);
    await lab.clock.advanceUntil(() => lab.isMesh(nodes), 5000);
  });

  it('leave no timers behind when stopped', async () => {
    const a = await lab.node('a', { bootstrapUrl: ['https://10.7.7.7:1'] });
    const before = lab.clock.pendingTimers;
    await a.peers.start();
    await lab.clock.advanceAsync(20_000);
    await a.peers.stop();
    await lab.clock.advanceAsync(20_000);
    expect(lab.clock.pendingTimers).to.equal(before);
  });

  it('end an attempt when the one who asked for it gives up', async () => {
    const a = await lab.node('a');
    await a.peers.start();
    const abort = new AbortController();
    const outcome = lab.network.outcome(a.peers.startPeer('https://10.7.7.7:1', abort.signal));
    abort.abort();
    expect((await outcome).error).to.be.instanceOf(MaculaError).and.to.include({ code: 'MACULA_ABORTED' });
    expect(a.peers.listPeers()).to.deep.equal([]);
  });
});

describe('peer exchange', () => {
  let lab: PeersLab;
  beforeEach(() => void (lab = new PeersLab()));
  afterEach(() => lab.close());

  it('believes no id that the node at the address does not prove, and survives lies of all kinds', async () => {
    const [a, liar, victim] = [await lab.node('a'), await lab.node('b'), await lab.node('c')];
    const address = '10.0.0.3:4433';
    const lies = [
      [[Buffer.alloc(32, 0xdd), [address], 0], [Buffer.alloc(32, 0xaa), [address], 0], [Buffer.alloc(32, 0xee), ['127.0.0.1:4433', '224.0.0.1:1'], 0]],
      'nonsense',
      [[Buffer.alloc(31), [], 0]],
    ];
    let asked = 0;
    liar.sessions.handle(FrameType.peerExchange, FrameType.peerExchangeReply, () => lies[asked++ % lies.length]);
    await a.peers.start();
    await lab.network.run(a.peers.startPeer(liar.url));
    await lab.clock.advanceAsync(200_000);
    expect(asked).to.be.greaterThan(3);
    expect(a.peers.listPeers().map(({ nodeId }) => nodeId)).to.deep.equal([liar.nodeId]);
    expect(victim.opened).to.deep.equal([]);
    expect(a.store.get('e'.repeat(64)), 'addresses that can mean nothing here are not kept').to.equal(undefined);
  });

  it('answers one who asks too often with an error', async () => {
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    await a.peers.start();
    const session = await lab.network.run(b.sessions.dial(a.endpoint.route));
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => lab.network.outcome(session.request(FrameType.peerExchange, [64]))));
    expect(outcomes.filter(({ error }) => error === undefined)).to.have.length(1);
  });

  it('asks a new peer after a pause, and not where the session or the asking has ended by then', async () => {
    const [a, b] = [await lab.node('a'), await lab.node('b')];
    let asked = 0;
    b.sessions.handle(FrameType.peerExchange, FrameType.peerExchangeReply, () => (asked++, []));
    await a.peers.start();
    const session = await lab.network.run(a.sessions.dial(b.endpoint.route));
    await lab.clock.advanceAsync(19);
    expect(asked).to.equal(0);
    await lab.clock.advanceAsync(10);
    expect(asked).to.equal(1);
    await lab.network.run(session.close(PeerCloseCode.requested, 'bye'));
    const brief = await lab.network.run(a.sessions.dial(b.endpoint.route));
    await lab.network.run(brief.close(PeerCloseCode.requested, 'bye'));
    await lab.network.run(a.sessions.dial(b.endpoint.route));
    await a.peers.stop();
    await lab.clock.advanceAsync(100);
    expect(asked).to.equal(1);
  });

  it('uses the close codes of the protocol', () => {
    expect(CloseCode).to.deep.include(PeerCloseCode);
  });
});
