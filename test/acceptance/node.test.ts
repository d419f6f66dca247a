import { expect } from 'chai';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { bash, finished, macula, onlyObject, spawnMacula, type CliResult, type FailureJson } from '../support/cli.js';

interface Ready {
  event: string;
  nodeId: string;
  realm: string;
  listen: { host: string; port: number }[];
  controlSocket: string;
  metricsUrl: string | null;
  pid: number;
  logFile: string;
}

const env = { MACULA_METRICS_PORT: '0', MACULA_MDNS: 'false' };
const interruptAtStart = pathToFileURL(resolve(import.meta.dirname, '../support/interrupt-at-start.mjs')).href;
const objects = <Shape>({ stdout }: CliResult): Shape[] => stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Shape);

describe('a node and the commands that talk to it', () => {
  let directory: string;
  let first: Ready;
  let second: Ready;
  const dataDir = (name: string): string => join(directory, name);
  const on = (name: string, ...args: string[]): Promise<CliResult> => macula([...args, '--data-dir', dataDir(name)], { env });
  const start = (name: string, ...flags: string[]): Promise<CliResult> => on(name, 'node', 'start', '--port', '0', ...flags);

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'macula-node-'));
    first = onlyObject<Ready>(await start('a', '--detach', '--json'));
    second = onlyObject<Ready>(await start('b', '--detach', '--json', '--bootstrap', `https://127.0.0.1:${first.listen[0]!.port}`));
  });
  after(async () => {
    for (const name of ['a', 'b', 'c', 'npm']) await on(name, 'node', 'stop');
    rmSync(directory, { recursive: true, force: true });
  });

  it('start --detach returns once the node is ready and says where everything is', () => {
    expect(first).to.include({ schemaVersion: 1, event: 'ready', realm: 'macula', controlSocket: join(dataDir('a'), 'control.sock'), logFile: join(dataDir('a'), 'node.log') });
    expect(first.nodeId).to.match(/^[0-9a-f]{64}$/);
    expect(first.metricsUrl).to.match(/^http:\/\/127\.0\.0\.1:\d+/);
    expect(statSync(first.logFile).mode & 0o777).to.equal(0o600);
    expect(() => process.kill(first.pid, 0)).not.to.throw();
  });

  it('start refuses a data directory in use with 9, in the foreground and detached, and the node goes on', async () => {
    for (const flags of [['--json'], ['--json', '--detach']]) {
      const result = await start('a', ...flags);
      expect(result.code).to.equal(9);
      expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_ALREADY_RUNNING');
    }
    expect((await on('a', 'node', 'status')).code).to.equal(0);
  });

  it('start --detach does not write its log through a link that somebody else may have made', async () => {
    const [directory, victim] = [dataDir('linked'), join(dataDir('a'), '..', 'victim')];
    mkdirSync(directory);
    symlinkSync(victim, join(directory, 'node.log'));
    const result = await start('linked', '--detach', '--json');
    expect(result.code).to.equal(6);
    expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_PERMISSION_DENIED');
    expect(existsSync(victim)).to.equal(false);
  });

  it('start --detach fails with the exit code and error of the node itself', async () => {
    const result = await on('taken', 'node', 'start', '--detach', '--json', '--port', String(first.listen[0]!.port));
    expect(result.code).to.equal(9);
    expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_PORT_IN_USE');
    expect(existsSync(join(dataDir('taken'), 'node.log'))).to.equal(true);
  });

  it('npm start names commands that work in other terminals without an installation', async () => {
    const started = await macula(['node', 'start', '--detach', '--port', '0', '--data-dir', dataDir('npm')], { env: { ...env, npm_lifecycle_event: 'start' } });
    const line = started.stdout.split('\n').find((text) => text.includes('node stop'))!;
    expect(line.trim()).to.match(/^\S+\/bin\/macula\.js node stop --data-dir /);
    expect((await bash(line)).code).to.equal(0);
  });

  it('wait returns once the condition holds, and exits with 5 when it does not', async () => {
    expect(onlyObject(await on('b', 'node', 'wait', '--for', 'peers>=1', '--json'))).to.include({ met: true });
    const late = await on('b', 'node', 'wait', '--for', 'peers>=50', '--timeout', '200ms', '--json');
    expect(late.code).to.equal(5);
    expect(onlyObject<FailureJson>(late).error.code).to.equal('MACULA_TIMED_OUT');
  });

  it('status describes the node for people and for scripts', async () => {
    const [text, json] = await Promise.all([on('a', 'node', 'status'), on('a', 'node', 'status', '--json')]);
    expect(text.stdout).to.include(first.nodeId).and.to.include(first.controlSocket);
    const status = onlyObject(json);
    expect(status).to.include.keys('nodeId', 'realm', 'version', 'pid', 'uptimeSeconds', 'state', 'listen', 'publicAddress', 'nat', 'peers', 'dht', 'pool', 'controlSocket', 'metricsUrl');
    expect(status).to.include({ nodeId: first.nodeId, pid: first.pid });
  });

  it('peers list shows one line a peer', async () => {
    const [text, json] = await Promise.all([on('a', 'peers', 'list'), on('a', 'peers', 'list', '--json')]);
    expect(text.stdout.trimEnd().split('\n')).to.have.length(2);
    expect(text.stdout).to.include(second.nodeId.slice(0, 16)).and.to.include('direct');
    const { peers } = onlyObject<{ peers: Record<string, unknown>[] }>(json);
    expect(peers).to.have.length(1);
    expect(peers[0]).to.include({ nodeId: second.nodeId, path: 'direct', direction: 'in', state: 'connected', relay: null });
  });

  it('peers list --watch goes on until Ctrl-C and exits with 130', async () => {
    const child = spawnMacula(['peers', 'list', '--watch', '--json', '--data-dir', dataDir('a')]);
    const ended = finished(child);
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    expect(JSON.parse(line)).to.include({ schemaVersion: 1 }).and.to.have.property('peers');
    child.kill('SIGINT');
    const result = await ended;
    expect(result.code).to.equal(130);
    expect(objects<FailureJson>(result).at(-1)!.error.code).to.equal('MACULA_ABORTED');
  });

  it('peers list --watch ends quietly when its reader does', async () => {
    const line = `macula peers list --watch --json --data-dir '${dataDir('a')}' | head -1; echo "\${PIPESTATUS[0]}"`;
    const watching = bash(line);
    // The command notices that nobody reads when it next writes: at the next change.
    const nudge = setInterval(() => void on('a', 'peers', 'disconnect', second.nodeId), 300);
    const { stdout, stderr } = await watching.finally(() => clearInterval(nudge));
    expect(stdout.trimEnd().split('\n').at(-1)).to.equal('0');
    expect(stderr).to.equal('');
    expect((await on('b', 'peers', 'connect', `https://127.0.0.1:${first.listen[0]!.port}`)).code).to.equal(0);
  });

  it('peers ping names the path of each answer and sums up', async () => {
    const json = await on('a', 'peers', 'ping', second.nodeId.slice(0, 12), '--count', '3', '--interval', '20ms', '--json');
    expect(json.code, json.stdout).to.equal(0);
    const [one, two, three, last] = objects<Record<string, unknown>>(json);
    expect([one, two, three].map((each) => [each!.schemaVersion, each!.seq, each!.path])).to.deep.equal([[1, 1, 'direct'], [1, 2, 'direct'], [1, 3, 'direct']]);
    expect(last!.summary).to.include({ sent: 3, answered: 3, direct: true });
    const text = await on('a', 'peers', 'ping', second.nodeId, '--until-direct');
    expect(text.stdout).to.match(/^pong from [0-9a-f]{8} seq=1 via direct path 127\.0\.0\.1:\d+ in [\d.]+ ms\n1 of 1 answered/);
  });

  it('unknown peers exit with 4', async () => {
    for (const command of ['ping', 'disconnect']) expect((await on('a', 'peers', command, 'f'.repeat(64), '--json')).code).to.equal(4);
  });

  it('trust and untrust take the beginning of an id, and never take one for a host', async () => {
    const start = first.nodeId.slice(0, 16);
    for (const command of ['untrust', 'trust']) {
      expect(onlyObject(await on('b', 'peers', command, start, '--json'))).to.include({ nodeId: first.nodeId });
      const unknown = await on('b', 'peers', command, '0123456789abcdef', '--json');
      expect(unknown.code).to.equal(4);
      expect(onlyObject<FailureJson>(unknown).error.code).to.equal('MACULA_PEER_NOT_FOUND');
    }
    expect((await on('b', 'node', 'wait', '--for', 'peers>=1')).code).to.equal(0);
  });

  it('an untrusted peer is refused until it is trusted again', async () => {
    const url = `macula://${first.nodeId}@127.0.0.1:${first.listen[0]!.port}`;
    expect((await on('b', 'peers', 'untrust', first.nodeId, '--json')).code).to.equal(0);
    const refused = await on('b', 'peers', 'connect', url, '--json');
    expect(refused.code, refused.stdout).to.equal(6);
    expect((await on('b', 'peers', 'trust', first.nodeId, '--json')).code).to.equal(0);
    expect(onlyObject(await on('b', 'peers', 'connect', url, '--json'))).to.include({ nodeId: first.nodeId, path: 'direct' });
  });

  it('config show --running shows what the node was started with', async () => {
    const { settings } = onlyObject<{ settings: Record<string, unknown> }>(await on('a', 'config', 'show', '--running', '--json'));
    expect(settings.quicPort).to.deep.include({ value: '0', origin: 'flag', source: '--port' });
  });

  it('start in the foreground ends with `ready`, drains at SIGTERM and exits with 0', async () => {
    const child = spawnMacula(['node', 'start', '--port', '0', '--data-dir', dataDir('c')], { env });
    const ended = finished(child);
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout! })) {
      lines.push(line);
      if (line === 'ready') break;
    }
    expect(lines.join('\n')).to.include('Try next').and.to.include(join(dataDir('c'), 'control.sock'));
    child.kill('SIGTERM');
    const result = await ended;
    expect(result.code, result.stderr).to.equal(0);
    expect(existsSync(join(dataDir('c'), 'control.sock'))).to.equal(false);
    for (const line of result.stderr.trimEnd().split('\n')) expect(JSON.parse(line)).to.have.property('msg');
  });

  it('start is interrupted by Ctrl-C before it is ready, with 130 and nothing left running', async () => {
    const result = await macula(['node', 'start', '--json', '--port', '0'], { env: { ...env, MACULA_DATA_DIR: dataDir('c'), NODE_OPTIONS: `--import=${interruptAtStart}` } });
    expect(result.code, result.stdout).to.equal(130);
    expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_ABORTED');
    expect(existsSync(join(dataDir('c'), 'node.pid'))).to.equal(false);
  });

  it('start goes on when nobody reads its output any more', async () => {
    const child = spawnMacula(['node', 'start', '--json', '--port', '0', '--data-dir', dataDir('c')], { env });
    const exited = once(child, 'exit');
    await once(createInterface({ input: child.stdout! }), 'line');
    child.stdout!.destroy();
    child.stderr!.destroy();
    // Each of these is a line in its log.
    for (const target of ['127.0.0.1:1', `https://127.0.0.1:${first.listen[0]!.port}`]) await on('c', 'peers', 'connect', target, '--timeout', '1s');
    expect((await on('c', 'node', 'status')).code).to.equal(0);
    child.kill('SIGTERM');
    expect(await exited).to.deep.equal([0, null]);
  });

  it('start --json prints the ready object first and then its log', async () => {
    const child = spawnMacula(['node', 'start', '--json', '--port', '0', '--data-dir', dataDir('c')], { env });
    const ended = finished(child);
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    expect(JSON.parse(line)).to.include({ schemaVersion: 1, event: 'ready' });
    child.kill('SIGINT');
    const result = await ended;
    expect(result.code, result.stderr).to.equal(0);
    expect(objects<Record<string, unknown>>(result).slice(1).every((entry) => 'msg' in entry)).to.equal(true);
  });

  it('stop waits until the node is gone', async () => {
    const { controlSocket } = onlyObject<Ready>(await start('c', '--detach', '--json'));
    expect(onlyObject(await on('c', 'node', 'stop', '--json'))).to.include({ stopped: true });
    for (const left of [controlSocket, join(dataDir('c'), 'node.pid')]) expect(existsSync(left), left).to.equal(false);
    expect((await on('c', 'node', 'stop')).code).to.equal(3);
    expect(readFileSync(join(dataDir('c'), 'node.log'), 'utf8')).to.include('"event":"ready"');
  });
});
