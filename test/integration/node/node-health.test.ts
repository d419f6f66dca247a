import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock, type Clock } from '../../../src/lib/base/clock.js';
import { MaculaNode, type Settings } from '../../../src/lib/index.js';
import type { HealthReport } from '../../../src/lib/observability/health-rules.js';

describe('the health of real nodes', () => {
  let directory: string;
  const nodes: MaculaNode[] = [];

  const build = (name: string, settings: Partial<Settings> = {}, clock: Clock = systemClock): MaculaNode => {
    const quick = { reconnectMinMs: 100, reconnectMaxMs: 200, dialTimeoutMs: 1000 };
    const node = new MaculaNode({ dataDir: join(directory, name), host: '127.0.0.1', quicPort: 0, metricsPort: 0, mdns: false, ...quick, ...settings }, { clock });
    nodes.push(node);
    return node;
  };
  const urlOf = (port: number): string => `https://127.0.0.1:${port}`;
  const health = async (node: MaculaNode): Promise<HealthReport> => (await (await fetch(new URL('/health', node.metricsUrl))).json()) as HealthReport;
  /** Resolves once it holds; looks whenever something about peers has changed. */
  const until = (node: MaculaNode, holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        stop();
        resolve();
      };
      // The event comes before the change is written down.
      const stop = node.on('peersChanged', () => queueMicrotask(look));
      look();
    });

  /** A UDP port at which nobody speaks QUIC, until it is let go. */
  async function silentPort(): Promise<{ port: number; release: () => Promise<unknown> }> {
    const socket = createSocket('udp4').unref().bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return { port: socket.address().port, release: () => Promise.all([once(socket, 'close'), socket.close()]) };
  }

  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'macula-health-'))));
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.stop()));
    await rm(directory, { recursive: true, force: true });
  });

  it('is not ready before a bootstrap node is reached, and ready from then on although that one leaves', async () => {
    const { port, release } = await silentPort();
    const a = build('a', { bootstrapUrl: [urlOf(port)] });
    await a.start();
    const before = await health(a);
    expect([before.live, before.ready, before.checks.filter(({ ok }) => !ok).map(({ name }) => name)]).to.deep.equal([true, false, ['mesh']]);
    expect(a.status().state).to.equal('degraded');
    await release();
    const b = build('b', { quicPort: port });
    await b.start();
    await until(a, () => a.peers.countPeers().connected === 1);
    expect((await health(a)).ready).to.equal(true);
    const gone = until(a, () => a.peers.countPeers().connected === 0);
    await b.stop();
    await gone;
    expect((await health(a)).ready).to.equal(true);
  });

  it('is ready where the only bootstrap node is the node itself', async () => {
    const { port, release } = await silentPort();
    await release();
    const a = build('a', { quicPort: port, bootstrapUrl: [urlOf(port)] });
    await a.start();
    await until(a, () => a.status().state === 'ready');
    expect((await health(a)).checks.find(({ name }) => name === 'mesh')!.message).to.equal('the node is the first of its mesh');
  });

  it('warns of a configured peer of another realm, and of a clock that is wrong', async () => {
    const a = build('a', { realm: 'one' });
    await a.start();
    const late: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() - 120_000 };
    const b = build('b', { realm: 'two', bootstrapUrl: [urlOf(a.listen[0]!.port)] });
    const c = build('c', { realm: 'one', bootstrapUrl: [urlOf(a.listen[0]!.port)] }, late);
    await Promise.all([b.start(), c.start()]);
    const codes = (node: MaculaNode): string[] => node.status().warnings.map(({ code }) => code);
    await Promise.all([until(b, () => codes(b).includes('peer-refused')), until(c, () => c.peers.countPeers().connected === 1)]);
    const { warnings } = await health(b);
    expect(warnings.find(({ code }) => code === 'peer-refused')!.message).to.contain(`127.0.0.1:${a.listen[0]!.port}`).and.contain('MACULA_REALM_MISMATCH');
    const skew = c.status().warnings.find(({ code }) => code === 'clock-skew')!;
    expect(skew.message).to.match(/^The clock here is 1[012]\d s behind/);
    expect(skew.fix).to.contain('time synchronisation');
  });
});
