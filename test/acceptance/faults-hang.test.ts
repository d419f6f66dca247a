import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { cleanEnvironment } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const bin = resolve(import.meta.dirname, '../../bin/macula.js');
const hang = pathToFileURL(resolve(import.meta.dirname, '../support/hang-on-signal.mjs')).href;

interface Ready {
  readonly event: string;
  readonly nodeId: string;
  readonly listen: readonly { readonly port: number }[];
}

describe('a node whose main thread hangs', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let supervisor: ChildProcess;
  let readies: AsyncIterator<Ready>;
  let dataDir: string;
  let errors = '';
  let first: Ready;
  let latest: Ready;
  let peer: NodeProcess;

  /** What a service manager does: starts the node again whenever it ended badly. */
  function supervise(): void {
    const script = `until "${process.execPath}" "${bin}" node start --json --data-dir "${dataDir}" --port 0; do echo "ended with $?" >&2; done`;
    const env = cleanEnvironment({ MACULA_METRICS: 'false', MACULA_MDNS: 'false', MACULA_WATCHDOG_TIMEOUT: '1s', NODE_OPTIONS: `--import=${hang}` });
    supervisor = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    supervisor.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    readies = readyLines(supervisor);
  }

  async function* readyLines({ stdout }: ChildProcess): AsyncGenerator<Ready> {
    for await (const line of createInterface({ input: stdout! })) {
      const parsed = JSON.parse(line) as Ready;
      if (parsed.event === 'ready') yield parsed;
    }
  }

  async function nextReady(): Promise<Ready> {
    const { value, done } = await readies.next();
    if (done) throw new Error(`the supervisor ended:\n${errors}`);
    latest = value;
    return value;
  }

  async function pid(): Promise<number> {
    return Number((await readFile(join(dataDir, 'node.pid'), 'utf8')).split('\n')[0]);
  }

  before(async () => {
    dataDir = await farm.dataDir('hanging');
    supervise();
    first = await nextReady();
    peer = await farm.start('peer', { bootstrap: [`https://127.0.0.1:${first.listen[0]!.port}`], env: { MACULA_KEEPALIVE_INTERVAL: '1s', MACULA_REQUEST_TIMEOUT: '1s' } });
    await peer.untilConnectedTo([first.nodeId]);
  });
  after(async () => {
    // The whole group: the shell and whatever node it runs.
    if (supervisor.exitCode === null) process.kill(-supervisor.pid!, 'SIGKILL');
    await farm.close();
  });

  it('is ended by its watchdog, started again by its supervisor, and is the same node', async () => {
    const hung = await pid();
    process.kill(hung, 'SIGUSR2');
    const second = await nextReady();
    expect(errors).to.include('the main thread has not turned for 1000 ms').and.to.include('ended with 137');
    expect(second.nodeId).to.equal(first.nodeId);
    expect(await pid()).not.to.equal(hung);
  });

  it('serves again: a peer that dials it is admitted', async () => {
    const control = peer.control;
    const { nodeId } = await control.connectPeer({ target: `127.0.0.1:${latest.listen[0]!.port}`, timeoutMs: 10_000 });
    expect(nodeId).to.equal(first.nodeId);
    for await (const result of control.pingPeer({ nodeId, count: 1, intervalMs: 1, timeoutMs: 5000, untilDirect: false })) expect(result).to.include({ seq: 1, path: 'direct' });
  });

  it('is not started again once it stops in good order', async () => {
    const exited = once(supervisor, 'exit');
    process.kill(await pid(), 'SIGTERM');
    const [code] = (await exited) as [number];
    expect(code).to.equal(0);
  });
});
