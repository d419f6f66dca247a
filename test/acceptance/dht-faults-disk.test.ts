import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { macula, onlyObject, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { SmallDisk } from '../support/small-disk.js';

/** Writes until there is no room for another kilobyte. */
function fill(file: string): void {
  for (const bytes of [65_536, 1024]) {
    try {
      for (;;) appendFileSync(file, Buffer.alloc(bytes));
    } catch (error) {
      expect(error).to.have.property('code', 'ENOSPC');
    }
  }
}

interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly { name: string; ok: boolean; message: string }[];
}

async function readiness(node: NodeProcess): Promise<{ status: number; body: Readiness }> {
  const response = await fetch(node.ready.metricsUrl!.replace('/metrics', '/readyz'));
  return { status: response.status, body: (await response.json()) as Readiness };
}

describe('a node whose disk is full', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  let disk: SmallDisk | undefined;
  let filler: string;
  let [full, other] = [] as unknown as [NodeProcess, NodeProcess];
  const large = randomBytes(30_000).toString('hex');

  before(async function () {
    const directory = await farm.dataDir('full');
    disk = SmallDisk.mount(directory, '4m');
    if (!disk) return this.skip();
    filler = join(directory, 'filler');
    full = await farm.start('full');
    other = await farm.start('other', { bootstrap: [full.url] });
    for (const node of [full, other]) while ((await node.control.dhtNodes()).nodes.length < 1) await pause(50);
    await full.control.dhtPut({ key: 'before', value: 'it was full', minReplicas: 2, timeoutMs: 10_000 });
  });
  after(async () => {
    await Promise.all(farm.nodes.map((node) => node.end('SIGKILL')));
    disk?.unmount();
    await farm.close();
  });

  it('tells the writer so, who is not told that its record is safe, and goes on reading', async () => {
    fill(filler);
    let result = await macula(['dht', 'put', 'large', large, '--json', '--data-dir', other.dataDir]);
    // What was freed earlier inside the store may still take one.
    for (let tries = 0; tries < 10 && result.code === 0; tries++) result = await macula(['dht', 'put', `large ${tries}`, large, '--json', '--data-dir', other.dataDir]);
    expect(result.code, result.stdout).to.equal(8);
    const { code, details } = onlyObject<FailureJson>(result).error;
    expect(code).to.equal('MACULA_UNDER_REPLICATED');
    expect(details).to.include({ replicas: 1, target: 2, quorum: 2 });
    const answers = details['answers'] as { nodeId: string; answer: string; reason?: string }[];
    expect(answers.find(({ nodeId }) => nodeId === full.nodeId)).to.deep.include({ answer: 'refused', reason: 'store-failed' });
    for (const node of [full, other]) expect((await node.control.dhtGet({ key: 'before', quorum: 'one', timeoutMs: 10_000 })).value).to.equal('it was full');
  });

  it('says in /readyz and node status that it is not ready, though alive', async () => {
    const { status, body } = await readiness(full);
    expect([status, body.ready]).to.deep.equal([503, false]);
    expect(body.checks.find(({ name }) => name === 'store')).to.deep.include({ ok: false }).and.have.property('message').that.includes('no space left');
    expect(onlyObject(await macula(['node', 'status', '--json', '--data-dir', full.dataDir]))).to.include({ state: 'degraded' });
    expect((await fetch(full.ready.metricsUrl!.replace('/metrics', '/livez'))).status).to.equal(200);
  });

  it('is ready again by itself once there is room, and stores', async () => {
    rmSync(filler);
    while ((await readiness(full)).status !== 200) await pause(100);
    await other.control.dhtPut({ key: 'after', value: large, minReplicas: 2, timeoutMs: 10_000 });
  });

  it('has everything it confirmed after it was killed and restarted', async () => {
    await Promise.all([full.end('SIGKILL'), other.end('SIGKILL')]);
    full = await farm.start('full');
    expect((await full.control.dhtGet({ key: 'before', quorum: 'one', timeoutMs: 10_000 })).value).to.equal('it was full');
    expect((await full.control.dhtGet({ key: 'after', quorum: 'one', timeoutMs: 10_000 })).value).to.equal(large);
  });
});
