import { expect } from 'chai';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { MaculaNode } from '../../src/lib/index.js';
import { until } from '../integration/session/node-fixture.js';
import { cleanEnvironment, packageRoot } from '../support/cli.js';

const crowd = 50;
/** Enough to be there at the first, a middle and the last of many turns, with time for some to be lost. */
const messages = 200;

interface Member {
  readonly child: ChildProcess;
  readonly seen: number[];
  readonly gaps: unknown[];
}

describe(`a topic with ${crowd} subscribers in ${crowd} processes, a tenth of all datagrams lost`, function () {
  this.timeout(180_000);
  const members: Member[] = [];
  let directory: string;
  let publisher: MaculaNode;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-crowd-'));
    publisher = new MaculaNode({ dataDir: join(directory, 'publisher'), host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, dhtBucketSize: 4, pubsubDeadMs: 120_000 });
    await publisher.start();
    const url = `https://127.0.0.1:${publisher.listen[0]!.port}`;
    await Promise.all(Array.from({ length: crowd }, (_, index) => startMember(index, url)));
    await publisher.pubsub.publish('crowd.all', 'a first message, so that the crowd finds its publisher');
    await until(() => publisher.pubsub.stats().subscribers === crowd, 'everybody has subscribed', 60_000);
  });
  after(async () => {
    for (const { child } of members) child.kill('SIGKILL');
    await publisher.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function startMember(index: number, url: string): Promise<void> {
    const args = ['--import', resolve(packageRoot, 'test/support/lossy-sends.mjs'), resolve(packageRoot, 'test/acceptance/pubsub-subscriber-child.mjs'), join(directory, String(index)), url, 'crowd.all'];
    const child = spawn(process.execPath, args, { env: cleanEnvironment({ TEST_LOSS: '0.1', TEST_SEED: String(index) }), stdio: ['pipe', 'pipe', 'inherit'] });
    const member: Member = { child, seen: [], gaps: [] };
    members.push(member);
    await new Promise<void>((ready, reject) => {
      child.once('exit', (code, signal) => reject(new Error(`subscriber ${index} ended with ${code ?? signal}`)));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const told = JSON.parse(line) as { ready?: string; seq?: number; qos?: number; gap?: unknown };
        if (told.ready !== undefined) ready();
        else if (told.qos === 1) member.seen.push(told.seq!);
        else if (told.gap !== undefined) member.gaps.push(told.gap);
      });
    });
  }

  it('every subscriber gets every message exactly once, but for the one that is killed in the middle', async () => {
    const half = Array.from({ length: messages / 2 }, (_, index) => index);
    const first = await Promise.all(half.map((index) => publisher.pubsub.publish('crowd.all', String(index), { qos: 1 })));
    expect(new Set(first.map(({ subscribers, delivered }) => `${delivered} of ${subscribers}`))).to.deep.equal(new Set([`${crowd} of ${crowd}`]));
    const [doomed, ...others] = members as [Member, ...Member[]];
    doomed.child.kill('SIGKILL');
    await once(doomed.child, 'close');
    // Those to the dead one never end; it is let go only after much longer than a starved process needs to answer.
    const leave = new AbortController();
    const second = half.map((index) => publisher.pubsub.publish('crowd.all', String(index), { qos: 1, signal: leave.signal }).catch(() => undefined));
    await until(() => others.every(({ seen }) => seen.length >= messages), 'the others have everything', 60_000);
    const ends = others.map(({ child }) => once(child, 'close'));
    for (const { child } of others) child.stdin!.end();
    await Promise.all(ends);
    const everything = Array.from({ length: messages }, (_, index) => index + 1);
    for (const { seen, gaps } of others) expect([seen, gaps]).to.deep.equal([everything, []]);
    expect(doomed.seen).to.deep.equal(everything.slice(0, messages / 2));
    leave.abort();
    await Promise.all(second);
  });
});
