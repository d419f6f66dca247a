import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { macula, onlyObject, type CliResult, type FailureJson } from '../support/cli.js';
import { NodeFarm } from '../support/node-process.js';

interface Found {
  healthy: boolean;
  running: boolean;
  counts: { ok: number; warning: number; failure: number };
  checks: { id: string; status: string; summary: string; fix: string | null }[];
  notChecked: string[];
}

const anyPort = { MACULA_QUIC_PORT: '0', MACULA_METRICS_PORT: '0' };

/** The checks by id. */
function checksOf(result: CliResult): Record<string, Found['checks'][number]> {
  return Object.fromEntries(onlyObject<Found & Record<string, unknown>>(result).checks.map((check) => [check.id, check]));
}

describe('doctor', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let home: string;
  before(() => void (home = mkdtempSync(join(tmpdir(), 'macula-doctor-'))));
  after(() => farm.close().finally(() => rmSync(home, { recursive: true, force: true })));

  it('finds nothing wrong where no node has run yet, says what it could not look at, and makes nothing', async () => {
    const dataDir = join(home, 'fresh');
    const [json, text] = await Promise.all([macula(['doctor', '--json', '--data-dir', dataDir], { env: anyPort }), macula(['doctor', '--data-dir', dataDir], { env: anyPort })]);
    const found = onlyObject<Found & Record<string, unknown>>(json);
    expect(json.code, json.stdout).to.equal(0);
    expect(found).to.include({ healthy: true, running: false }).and.to.have.property('notChecked').that.deep.equals(['peers', 'nat', 'relay']);
    expect(found.checks.map(({ id }) => id)).to.include.members(['version', 'config', 'control-socket', 'data-dir', 'disk-space', 'certificate', 'clock', 'udp-buffers', 'udp-port', 'metrics-port', 'store']);
    expect(found.checks.find(({ id }) => id === 'control-socket')).to.include({ status: 'warning', fix: 'macula node start' });
    expect(text.code).to.equal(0);
    expect(text.stdout).to.match(/^ok +certificate/m).and.to.include('→ macula node start').and.to.include('not checked, as no node answers: peers, nat, relay');
    expect(() => statSync(dataDir)).to.throw('ENOENT');
  });

  it('finds each thing that keeps a node from starting, with its fix, and exits with 8', async () => {
    const dataDir = join(home, 'broken');
    expect((await macula(['cert', 'init', '--dir', dataDir])).code).to.equal(0);
    mkdirSync(join(dataDir, 'store'));
    writeFileSync(join(dataDir, 'store/data.mdb'), Buffer.alloc(16_384, 7));
    chmodSync(dataDir, 0o755);
    chmodSync(join(dataDir, 'key.pem'), 0o644);
    const [udp, tcp] = await Promise.all([silentUdp(), listening()]);
    try {
      const { port } = udp.address();
      const taken = { MACULA_HOST: '127.0.0.1', MACULA_QUIC_PORT: String(port), MACULA_METRICS_PORT: String((tcp.address() as { port: number }).port) };
      const result = await macula(['doctor', '--json', '--data-dir', dataDir, '--bootstrap', `https://127.0.0.1:${port}`, '--timeout', '300ms'], { env: taken });
      const checks = checksOf(result);
      expect(result.code).to.equal(8);
      expect(checks['data-dir']).to.include({ status: 'warning', fix: `chmod 700 ${dataDir}` });
      expect(checks['certificate']).to.include({ status: 'failure' }).and.to.have.property('fix').that.includes(`chmod 600 ${join(dataDir, 'key.pem')}`);
      expect(checks['udp-port']).to.include({ status: 'failure' }).and.to.have.property('fix').that.includes(`sport = :${port}`);
      expect(checks['metrics-port']).to.include({ status: 'failure' });
      expect(checks['store']).to.include({ status: 'failure' }).and.to.have.property('summary').that.includes('damaged');
      expect(checks['bootstrap']).to.include({ status: 'failure' }).and.to.have.property('summary').that.includes('no answer within 300 ms');
      expect(readFileSync(join(dataDir, 'store/data.mdb')), 'the store is left as it is').to.deep.equal(Buffer.alloc(16_384, 7));
    } finally {
      udp.close();
      tcp.close();
    }
  });

  it('says that a setting is wrong and looks at the rest all the same', async () => {
    const result = await macula(['doctor', '--json', '--data-dir', join(home, 'fresh')], { env: { ...anyPort, MACULA_RELAY_COUNT: 'many' } });
    const checks = checksOf(result);
    expect(result.code).to.equal(8);
    expect(checks['config']).to.include({ status: 'failure' }).and.to.have.property('summary').that.includes('relayCount');
    expect(checks['data-dir']).to.include({ status: 'ok' });
  });

  it('asks a running node, dials its bootstrap nodes, and finds who is not who was expected', async () => {
    const first = await farm.start('first');
    const second = await farm.start('second', { bootstrap: [first.url] });
    await second.untilConnectedTo([first.nodeId]);

    const running = await macula(['doctor', '--json', '--data-dir', second.dataDir]);
    const found = onlyObject<Found & Record<string, unknown>>(running);
    const checks = checksOf(running);
    expect(found).to.include({ running: true }).and.to.have.property('notChecked').that.deep.equals([]);
    expect(checks['bootstrap']).to.include({ status: 'ok' }).and.to.have.property('summary').that.includes(first.nodeId.slice(0, 8));
    expect(checks['peers']).to.include({ status: 'ok' }).and.to.have.property('summary').that.includes('1 connected: 1 directly');
    expect(checks['udp-port']!.summary).to.include(String(second.port));
    for (const id of ['control-socket', 'certificate', 'store', 'version']) expect(checks[id], id).to.include({ status: 'ok' });

    const wrong = `macula://${'ab'.repeat(32)}@127.0.0.1:${first.port}`;
    const mistaken = await macula(['doctor', '--json', '--data-dir', join(home, 'fresh'), '--bootstrap', wrong], { env: anyPort });
    expect(mistaken.code).to.equal(8);
    expect(checksOf(mistaken)['bootstrap']).to.include({ status: 'failure' });
  });

  it('writes an archive with what a report needs and no secret, for its owner only, and replaces none', async () => {
    const secret = 'correct-horse-battery-staple-0123456789';
    const node = await farm.start('closed', { env: { MACULA_REALM_SECRET: secret } });
    const key = readFileSync(join(node.dataDir, 'key.pem'), 'utf8');
    writeFileSync(join(node.dataDir, 'node.log'), `${JSON.stringify({ level: 'info', msg: 'kept line' })}\n${JSON.stringify({ msg: secret, key, token: 'tok-5f3a' })}\n${key}\n`);
    const archive = join(home, 'report.tar.gz');
    const args = ['doctor', '--json', '--data-dir', node.dataDir, '--bundle', archive];

    const written = await macula(args, { env: { MACULA_REALM_SECRET: secret } });
    expect(onlyObject<{ files: string[] }>(written).files).to.have.members(['doctor', 'versions', 'config', 'status', 'peers'].map((name) => `macula-doctor/${name}.json`).concat('macula-doctor/metrics.txt', 'macula-doctor/node.log'));
    expect(statSync(archive).mode & 0o777).to.equal(0o600);
    const all = execFileSync('tar', ['xzOf', archive], { encoding: 'utf8' });
    for (const kept of ['kept line', node.nodeId, 'macula_store_writable 1', '"realmSecret"', '"(set)"', 'control-socket']) expect(all).to.include(kept);
    const keyLines = key.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    for (const line of [...keyLines, secret, 'tok-5f3a', 'PRIVATE KEY']) expect(all).to.not.include(line);

    const before = readFileSync(archive);
    const again = await macula(args);
    expect(again.code).to.equal(9);
    expect(onlyObject<FailureJson>(again).error.code).to.equal('MACULA_FILE_EXISTS');
    expect(readFileSync(archive).equals(before)).to.equal(true);
  });
});

/** A UDP socket on loopback that answers nothing. */
async function silentUdp(): Promise<Socket> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

async function listening(): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
