import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../session/node-fixture.js';
import { DhtFixture, type ChildNode, type ChildOrder } from './dht-node-fixture.js';

const childPath = fileURLToPath(new URL('dht-child.ts', import.meta.url));

interface Child {
  readonly nodes: readonly ChildNode[];
  /** Keys whose puts were confirmed. */
  readonly confirmed: string[];
  /** Kills it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

describe('DHT nodes killed with SIGKILL', () => {
  const fixture = new DhtFixture();
  const processes: ChildProcess[] = [];
  const directories: string[] = [];

  async function child(order: ChildOrder): Promise<Child> {
    const running = spawn(process.execPath, ['--import', 'tsx', childPath, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'inherit'] });
    processes.push(running);
    const lines = createInterface({ input: running.stdout });
    const confirmed: string[] = [];
    const [first] = (await once(lines, 'line')) as [string];
    lines.on('line', (line) => confirmed.push(line));
    const nodes = JSON.parse(first) as ChildNode[];
    directories.push(...nodes.map(({ dataDir }) => dataDir));
    const kill = async (): Promise<void> => {
      const gone = once(running, 'close');
      running.kill('SIGKILL');
      await gone;
    };
    return { nodes, confirmed, kill };
  }

  afterEach(async () => {
    for (const running of processes.splice(0)) running.kill('SIGKILL');
    await fixture.close();
    for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
  }).timeout(30_000);

  it('lose no record that was confirmed when one dies amid 1,000 puts', async () => {
    const dying = await child({ nodes: 1, puts: 1000 });
    await until(() => dying.confirmed.length >= 300, 'many puts are confirmed', 30_000);
    await dying.kill();
    const { confirmed } = dying;
    const back = await fixture.node({}, dying.nodes[0]);
    for (const key of confirmed) {
      const got = await back.dht.get(key);
      expect(got && Buffer.from(got.value).toString()).to.equal(key);
    }
    expect(back.dht.stats().records).to.be.at.least(confirmed.length);
  }).timeout(90_000);

  it('are done without by those that are left', async () => {
    const nodes = await fixture.mesh(5);
    const doomed = await child({ nodes: 4, join: { nodeId: nodes[0]!.nodeId, address: nodes[0]!.address }, puts: 1 });
    await until(() => doomed.confirmed.length === 1 && nodes.every(({ dht }) => dht.nodes().length === 8), 'everybody knows everybody', 30_000);
    const before = await nodes[1]!.dht.put('key', Buffer.from('before'));
    expect(before).to.include({ replicas: 9, target: 9, quorum: 5 });
    await doomed.kill();
    for (const { dht } of nodes) {
      for (const key of ['key', 'key-0']) expect(await dht.get(key, { fresh: true }), key).not.to.equal(undefined);
    }
    const after = await nodes[2]!.dht.put('key', Buffer.from('after'));
    expect(after.replicas).to.equal(5);
    for (const { dht } of nodes) expect(Buffer.from((await dht.get('key', { fresh: true }))!.value).toString()).to.equal('after');
  }).timeout(90_000);
});
