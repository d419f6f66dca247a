import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MaculaError, MaculaNode, type Settings } from '../../../src/lib/index.js';

const codeOf = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => undefined, (error: MaculaError) => error.code);

describe('MaculaNode, embedded', () => {
  let directory: string;
  const nodes: MaculaNode[] = [];

  const build = (name: string, settings: Partial<Settings> = {}): MaculaNode => {
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metricsPort: 0, mdns: false, ...settings });
    nodes.push(node);
    return node;
  };
  const urlOf = (node: MaculaNode): string => `https://127.0.0.1:${node.listen[0]!.port}`;

  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'macula-node-'))));
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  it('reports all wrong settings when it is built, without touching anything', () => {
    try {
      build('x', { quicPort: 70_000, logLevel: 'loud' as 'info' });
      expect.fail('it was accepted');
    } catch (error) {
      expect(error).to.be.instanceOf(MaculaError).with.property('code', 'MACULA_INVALID_CONFIG');
      expect((error as MaculaError).message).to.include('quicPort').and.include('logLevel');
    }
  });

  it('starts, knows its id, is ready, and keeps its id over a restart', async () => {
    const node = build('a');
    await node.start();
    const { nodeId } = node;
    expect(node.status()).to.include({ nodeId, state: 'ready', realm: 'macula' });
    await node.stop();
    expect(() => node.status()).to.throw(MaculaError).with.property('code', 'MACULA_NO_NODE');
    const again = build('a');
    await again.start();
    expect(again.nodeId).to.equal(nodeId);
  });

  it('connects to a peer, pings it, and both list each other', async () => {
    const [a, b] = [build('a'), build('b')];
    await Promise.all([a.start(), b.start()]);
    const peer = await b.peers.startPeer(urlOf(a));
    expect(peer).to.include({ nodeId: a.nodeId, state: 'connected', path: 'direct', direction: 'out' });
    const pong = await b.peers.ping(a.nodeId);
    expect(pong.rttMs).to.be.greaterThan(0);
    expect(pong).to.include({ path: 'direct', via: urlOf(a).slice('https://'.length) });
    expect(a.peers.listPeers().map((each) => each.nodeId)).to.deep.equal([b.nodeId]);
    expect(a.peers.resolve(b.nodeId.slice(0, 8))).to.equal(b.nodeId);
  });

  it('keeps a peer out that is marked untrusted, and lets it in again', async () => {
    const [a, b] = [build('a'), build('b')];
    await Promise.all([a.start(), b.start()]);
    await b.peers.startPeer(urlOf(a));
    const gone = new Promise<void>((resolve) => b.on('peersChanged', () => b.peers.countPeers().connected === 0 && resolve()));
    await a.peers.untrust(b.nodeId);
    await gone;
    expect(await codeOf(b.peers.startPeer(urlOf(a)))).to.equal('MACULA_PEER_UNTRUSTED');
    await a.peers.trust(b.nodeId);
    expect(await b.peers.startPeer(urlOf(a))).to.include({ nodeId: a.nodeId, state: 'connected' });
  });

  it('refuses a data directory that another node uses, and a port that is taken, and leaves both usable', async () => {
    const a = build('a');
    await a.start();
    expect(await codeOf(build('a').start())).to.equal('MACULA_ALREADY_RUNNING');
    expect(await codeOf(build('b', { quicPort: a.listen[0]!.port }).start())).to.equal('MACULA_PORT_IN_USE');
    const b = build('b');
    await b.start();
    expect(b.status().state).to.equal('ready');
  });

  it('sets a damaged store aside, says so, and runs', async () => {
    const a = build('a');
    await a.start();
    await a.stop();
    await writeFile(join(directory, 'a', 'store', 'data.mdb'), Buffer.alloc(20_000, 0x5a));
    const again = build('a');
    await again.start();
    expect(again.status().state).to.equal('ready');
    expect(again.status().warnings.map((warning) => warning.code)).to.include('store-set-aside');
  });

  it('answers health and metrics on its listener', async () => {
    const a = build('a');
    await a.start();
    const metrics = await fetch(a.metricsUrl!);
    expect(await metrics.text()).to.match(/^macula_sessions 0$/m).and.match(/^macula_sessions_refused_total\{reason="MACULA_REALM_MISMATCH"\} 0$/m);
    const ready = await fetch(a.metricsUrl!.replace('/metrics', '/readyz'));
    expect([ready.status, ((await ready.json()) as { ready: boolean }).ready]).to.deep.equal([200, true]);
  });
});
