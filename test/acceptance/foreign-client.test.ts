import { expect } from 'chai';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import type { PingResult } from '../../src/lib/control/protocol.js';
import { finished, macula } from '../support/cli.js';
import { handshakes, refusals, sample } from '../support/node-observation.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const missing = ['gtlsclient', 'cc'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);

/** CRYPTO_ERROR codes of RFC 9001 section 4.8: 0x100 plus the TLS alert. */
const alert = { decryptError: '0x133', certificateRequired: '0x174', noApplicationProtocol: '0x178' };

describe('a QUIC client of another make (ngtcp2 with GnuTLS)', function () {
  this.timeout(20_000);
  const farm = new NodeFarm();
  const pings: PingResult[] = [];
  const enough = new AbortController();
  let pinging: Promise<void>;
  let node: NodeProcess;
  let peer: NodeProcess;
  let shim: string;
  let counted: Record<string, number>;

  before(async function () {
    // Debian: apt install ngtcp2-client gcc.
    if (missing.length > 0) return this.skip();
    shim = await farm.dataDir('shim.so');
    execFileSync('cc', ['-shared', '-fPIC', '-o', shim, resolve(import.meta.dirname, '../support/gnutls-shim.c'), '-ldl']);
    node = await farm.start('node', { env: { MACULA_HANDSHAKE_TIMEOUT: '1s' } });
    peer = await farm.start('peer', { bootstrap: [node.url] });
    await node.untilConnectedTo([peer.nodeId]);
    pinging = ping();
  });
  beforeEach(async () => {
    counted = await handshakes(node);
  });
  afterEach(async () => {
    expect(await sample(node, 'macula_sessions'), 'nobody else was admitted').to.equal(1);
  });
  after(async () => {
    enough.abort();
    await pinging;
    await farm.close();
  });

  /** A peer that is connected all the while pings the node. */
  async function ping(): Promise<void> {
    const request = { nodeId: node.nodeId, count: 100_000, intervalMs: 10, timeoutMs: 5000, untilDirect: false };
    try {
      for await (const result of peer.control.pingPeer(request, enough.signal)) pings.push(result);
    } catch (error) {
      if (!enough.signal.aborted) throw error;
    }
  }

  /** Runs the client to its end and returns how the connection was closed, as it saw it. */
  async function closeSeenBy(options: string[], preload: boolean): Promise<string> {
    const args = ['--no-quic-dump', '--no-http-dump', '--exit-on-all-streams-close', ...options, '127.0.0.1', String(node.port), 'https://127.0.0.1/'];
    const env = preload ? { ...process.env, LD_PRELOAD: shim, SHIM_ALPN: 'macula/1' } : process.env;
    const { stdout, stderr } = await finished(spawn('gtlsclient', args, { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    const close = (stdout + stderr).split('\n').filter((line) => line.includes('frm rx') && line.includes('CONNECTION_CLOSE'));
    expect(close.length, stdout + stderr).to.be.at.least(1);
    return close[0]!;
  }

  async function pair(name: string): Promise<{ cert: string; key: string }> {
    const directory = await farm.dataDir(name);
    const { code, stderr } = await macula(['cert', 'init', '--dir', directory]);
    expect(code, stderr).to.equal(0);
    return { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  }

  async function counts(): Promise<Record<string, number>> {
    const changed = Object.entries(await handshakes(node)).map(([outcome, count]) => [outcome, count - (counted[outcome] ?? 0)] as const);
    return Object.fromEntries(changed.filter(([, count]) => count > 0));
  }

  it('that speaks HTTP/3 is refused by the TLS alert for it, with and without a certificate', async () => {
    const { cert, key } = await pair('http');
    for (const options of [[], [`--cert=${cert}`, `--key=${key}`]]) expect(await closeSeenBy(options, false)).to.include(`CRYPTO_ERROR(${alert.noApplicationProtocol})`);
    expect(await counts()).to.deep.equal({ no_common_application_protocol: 2 });
  });

  it('that speaks our protocol without a certificate is refused by the TLS alert for it', async () => {
    expect(await closeSeenBy([], true)).to.include(`CRYPTO_ERROR(${alert.certificateRequired})`);
    expect(await counts()).to.deep.equal({ certificate_required: 1 });
  });

  it('that shows the certificate of a connected peer without its key is refused: the id cannot be stolen', async () => {
    const own = await pair('thief');
    const close = await closeSeenBy([`--cert=${join(peer.dataDir, 'cert.pem')}`, `--key=${own.key}`], true);
    expect(close).to.include(`CRYPTO_ERROR(${alert.decryptError})`);
    expect(await counts()).to.deep.equal({ decrypt_error: 1 });
  });

  it('that has a certificate and never says HELLO is shown out when its time is up', async () => {
    const { cert, key } = await pair('silent');
    const close = await closeSeenBy([`--cert=${cert}`, `--key=${key}`], true);
    expect(close).to.include('CONNECTION_CLOSE(0x1d)').and.to.include('(0x3)').and.to.include('not admitted in time');
    expect(await counts()).to.deep.equal({ completed: 1 });
    expect(await refusals(node, 'MACULA_TIMED_OUT')).to.equal(1);
  });

  it('has not kept a connected peer from a single answer', () => {
    expect(pings.length).to.be.at.least(5);
    expect(pings.filter((result) => 'error' in result)).to.deep.equal([]);
  });
});
