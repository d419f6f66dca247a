import { expect } from 'chai';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { macula, onlyObject, type CliResult, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

const left = ['control.sock', 'node.lock', 'node.pid'];

/**
 * Every file below a directory: which file it is, its mode, and what is in it.
 * @param contents whether to look at what is in a file; a node that runs writes to its store whenever it likes
 */
async function snapshot(directory: string, contents: (name: string) => boolean = () => true): Promise<Record<string, string>> {
  const names = (await readdir(directory, { recursive: true })).sort();
  const entries = await Promise.all(
    names.map(async (name) => {
      const info = await stat(join(directory, name));
      const content = info.isFile() && contents(name) ? createHash('sha256').update(await readFile(join(directory, name))).digest('hex') : '';
      return [name, `inode ${info.ino} mode ${info.mode.toString(8)} ${content}`] as const;
    }),
  );
  return Object.fromEntries(entries);
}

function start(dataDir: string): Promise<CliResult> {
  return macula(['node', 'start', '--json', '--port', '0', '--data-dir', dataDir], { env: { MACULA_METRICS_PORT: '0', MACULA_MDNS: 'false' } });
}

async function statusOf({ dataDir }: NodeProcess): Promise<Record<string, unknown>> {
  return onlyObject(await macula(['node', 'status', '--json', '--data-dir', dataDir]));
}

describe('a data directory', function () {
  this.timeout(30_000);
  const farm = new NodeFarm();
  let node: NodeProcess;

  before(async () => {
    node = await farm.start('node');
  });
  after(() => farm.close());

  it('in use is refused to a second node with 9; nothing in it is touched and the first goes on', async () => {
    const others = (name: string): boolean => !name.startsWith('store/');
    const before = await snapshot(node.dataDir, others);
    expect(before).to.include.keys(...left, 'cert.pem', 'key.pem', 'store');
    const second = await start(node.dataDir);
    expect(second.code, second.stderr).to.equal(9);
    const { error } = onlyObject<FailureJson>(second);
    expect(error).to.deep.include({ code: 'MACULA_ALREADY_RUNNING', details: { directory: node.dataDir, pid: node.child.pid } });
    expect(await snapshot(node.dataDir, others)).to.deep.equal(before);
    expect(await statusOf(node)).to.include({ nodeId: node.nodeId, pid: node.child.pid, state: 'ready' });
  });

  it('of a node that lives but does not answer is not taken from it', async () => {
    const before = await snapshot(node.dataDir);
    node.child.kill('SIGSTOP');
    try {
      const second = await start(node.dataDir);
      expect(second.code, second.stderr).to.equal(9);
      expect(await snapshot(node.dataDir)).to.deep.equal(before);
    } finally {
      node.child.kill('SIGCONT');
    }
    expect(await statusOf(node)).to.include({ pid: node.child.pid, state: 'ready' });
  });

  it('of a node that was killed is taken over with all it left behind', async () => {
    const { nodeId } = node;
    await node.end('SIGKILL');
    for (const name of left) expect(existsSync(join(node.dataDir, name)), name).to.equal(true);
    node = await farm.start('node');
    expect(node.nodeId).to.equal(nodeId);
    expect(await statusOf(node)).to.include({ nodeId, pid: node.child.pid, state: 'ready' });
  });

  it('is taken over even when another process has the pid of the one that was killed', async () => {
    await node.end('SIGKILL');
    const pidFile = join(node.dataDir, 'node.pid');
    const [, mark] = (await readFile(pidFile, 'utf8')).split('\n');
    await writeFile(pidFile, `${process.pid}\n${JSON.stringify({ ...(JSON.parse(mark!) as object), pid: process.pid })}\n`);
    const { nodeId } = node;
    node = await farm.start('node');
    expect(await statusOf(node)).to.include({ nodeId, pid: node.child.pid, state: 'ready' });
  });

  it('of a node that stopped in good order holds none of them', async () => {
    expect(await node.end('SIGTERM')).to.equal(0);
    for (const name of left) expect(existsSync(join(node.dataDir, name)), name).to.equal(false);
  });
});
