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

const processes = 10;
/** A node starts in half a second of processor time, most of it Node.js itself: fifty processes take a minute of two cores. */
const nodesEach = 5;
const crowd = processes * nodesEach;
const messages = 200;
const topic = 'crowd.all';

interface Crowd {
  readonly child: ChildProcess;
  /** By node, the numbers of the messages it got. */
  readonly seen: number[][];
  readonly gaps: unknown[];
}

describe(`a topic with ${crowd} subscribers, ${nodesEach} nodes in each of ${processes} processes, a tenth of all they send lost`, function () {
  this.timeout(180_000);
  const members: Crowd[] = [];
  let directory: string;
  let publisher: MaculaNode;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'macula-crowd-'));
    publisher = new MaculaNode({ dataDir: join(directory, 'publisher'), host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, dhtBucketSize: 4, pubsubDeadMs: 120_000 });
    await publisher.start();
    const url = `https://127.0.0.1:${publisher.listen[0]!.port}`;
    await Promise.all(Array.from({ length: processes }, (_, index) => startCrowd(index, url)));
    await publisher.pubsub.publish(topic, 'a first message, so that the crowd finds its publisher');
    await until(() => publisher.pubsub.stats().subscribers === crowd, 'everybody has subscribed', 100_000);
  });
  after(async () => {
    for (const { child } of members) child.kill('SIGKILL');
    await publisher.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function startCrowd(index: number, url: string): Promise<void> {
    const args = ['--import', resolve(packageRoot, 'test/support/lossy-sends.mjs'), resolve(packageRoot, 'test/acceptance/pubsub-subscriber-child.mjs'), join(directory, String(index)), url, topic, String(nodesEach)];
    const child = spawn(process.execPath, args, { env: cleanEnvironment({ TEST_LOSS: '0.1', TEST_SEED: String(index) }), stdio: ['pipe', 'pipe', 'inherit'] });
    const member: Crowd = { child, seen: Array.from({ length: nodesEach }, () => []), gaps: [] };
    members.push(member);
    await new Promise<void>((ready, reject) => {
      child.once('exit', (code, signal) => reject(new Error(`process ${index} ended with ${code ?? signal}`)));
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const told = JSON.parse(line) as { ready?: true; index: number; seq: number; qos?: number; gap?: unknown };
        if (told.ready) ready();
        else if (told.qos === 1) member.seen[told.index]!.push(told.seq);
        else if (told.gap !== undefined) member.gaps.push(told.gap);
      });
    });
  }

  it('every subscriber gets every message exactly once and in order, but for those that are killed in the middle', async () => {
    const half = Array.from({ length: messages / 2 }, (_, index) => String(index));
    const first = await Promise.all(half.map((text) => publisher.pubsub.publish(topic, text, { qos: 1 })));
    expect(new Set(first.map(({ subscribers, delivered }) => `${delivered} of ${subscribers}`))).to.deep.equal(new Set([`${crowd} of ${crowd}`]));
    const [doomed, ...others] = members as [Crowd, ...Crowd[]];
    doomed.child.kill('SIGKILL');
    await once(doomed.child, 'close');
    // Those to the dead do not end before they are let go, here only after longer than a starved process needs to answer.
    const leave = new AbortController();
    const second = half.map((text) => publisher.pubsub.publish(topic, text, { qos: 1, signal: leave.signal }).catch(() => undefined));
    await until(() => others.every(({ seen }) => seen.every((numbers) => numbers.length >= messages)), 'the others have everything', 100_000);
    leave.abort();
    await Promise.all(second);
    const ends = others.map(({ child }) => once(child, 'close'));
    for (const { child } of others) child.stdin!.end();
    await Promise.all(ends);
    const everything = Array.from({ length: messages }, (_, index) => index + 1);
    for (const { seen, gaps } of others) expect([seen, gaps]).to.deep.equal([Array(nodesEach).fill(everything), []]);
    for (const numbers of doomed.seen) expect(numbers).to.deep.equal(everything.slice(0, messages / 2));
  });
});
