import { expect } from 'chai';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { bash, finished, macula, onlyObject, packageRoot, spawnMacula, type CliResult, type FailureJson } from '../support/cli.js';
import { NodeFarm, type NodeProcess } from '../support/node-process.js';

interface Published {
  topic: string;
  messageId: string;
  seq: number;
  subscribers: number;
  delivered: number;
  durationMs: number;
}

const on = (node: NodeProcess, ...args: string[]): Promise<CliResult> => macula([...args, '--data-dir', node.dataDir]);
const linesOf = ({ stdout }: CliResult): Record<string, unknown>[] => stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);

async function publish(node: NodeProcess, ...args: string[]): Promise<Published> {
  const result = await on(node, 'pubsub', 'publish', ...args, '--json');
  expect(result.code, result.stdout + result.stderr).to.equal(0);
  return onlyObject<Published>(result);
}

/** A subscriber that has subscribed. */
async function subscriber(node: NodeProcess, ...args: string[]): Promise<{ child: ChildProcess; result: Promise<CliResult> }> {
  const child = spawnMacula(['pubsub', 'subscribe', ...args, '--data-dir', node.dataDir]);
  const result = finished(child);
  let stderr = '';
  await new Promise<void>((ready, reject) => {
    child.stderr!.on('data', (text: string) => {
      stderr += text;
      if (stderr.includes('subscribed to')) ready();
    });
    void result.then(({ code }) => reject(new Error(`the subscriber ended with ${code} before it had subscribed:\n${stderr}`)));
  });
  return { child, result };
}

describe('publish/subscribe over the command line', function () {
  this.timeout(60_000);
  const farm = new NodeFarm();
  let [first, second] = [] as unknown as [NodeProcess, NodeProcess];

  before(async () => {
    first = await farm.start('first');
    second = await farm.start('second', { bootstrap: [first.url] });
    await first.untilConnectedTo([second.nodeId]);
  });
  after(() => farm.close());

  it('prints the messages of another node as lines of JSON, and ends after --count', async () => {
    const { result } = await subscriber(second, 'weather.*', '--count', '2', '--json');
    const rain = await publish(first, 'weather.zurich', 'rain', '--qos', '1');
    expect(rain).to.include({ topic: 'weather.zurich', subscribers: 1, delivered: 1 }).and.to.include.keys('messageId', 'durationMs');
    await publish(first, 'weather.bern', 'sun');
    const ended = await result;
    expect(ended.code, ended.stderr).to.equal(0);
    const [one, two] = linesOf(ended);
    expect(one).to.include({ schemaVersion: 1, event: 'message', topic: 'weather.zurich', payload: 'rain', encoding: 'utf8', publisher: first.nodeId, seq: 1, messageId: rain.messageId });
    expect(one!.receivedAt).to.match(/^\d{4}-.*Z$/);
    expect(two).to.include({ topic: 'weather.bern', payload: 'sun' });
  });

  it('reads as text for people', async () => {
    const { result } = await subscriber(second, 'talk', '--count', '1');
    const said = await on(first, 'pubsub', 'publish', 'talk', 'hello\u0007', '--qos', '1');
    expect(said.stdout).to.match(/^published to talk: acknowledged by 1 of 1 subscribers/);
    expect((await result).stdout).to.equal(`[talk] ${first.nodeId.slice(0, 8)} #1: hello\\x07\n`);
    expect((await on(first, 'pubsub', 'publish', 'talk.nobody', 'x')).stdout).to.include('nobody subscribes to it');
  });

  it('carries bytes from a file and from stdin as they are', async () => {
    const file = await farm.dataDir('bytes');
    writeFileSync(file, randomBytes(100_000));
    const { result: raw } = await subscriber(second, 'bytes', '--count', '2', '--json');
    await publish(first, 'bytes', `@${file}`, '--qos', '1');
    const piped = await bash(`cat '${file}' | macula pubsub publish bytes - --qos 1 --json --data-dir '${first.dataDir}'`);
    expect(piped.code, piped.stderr).to.equal(0);
    for (const line of linesOf(await raw)) expect(Buffer.from(line.payload as string, 'base64').equals(readFileSync(file))).to.equal(true);
    const exact = bash(`macula pubsub subscribe bytes --count 1 --raw --data-dir '${second.dataDir}' | cmp - '${file}' && echo same`);
    while ((await second.control.status()) && (await first.control.pubsubPublish({ topic: 'bytes', payload: readFileSync(file).toString('base64'), encoding: 'base64', qos: 1, timeoutMs: 5000 })).subscribers === 0);
    expect((await exact).stdout).to.equal('same\n');
  });

  it('Ctrl-C ends a subscription with 130, and unsubscribes', async () => {
    const { child, result } = await subscriber(second, 'interrupted');
    await publish(first, 'interrupted', 'x', '--qos', '1');
    child.kill('SIGINT');
    expect((await result).code).to.equal(130);
    while ((await publish(first, 'interrupted', 'y')).subscribers > 0);
  });

  it('a subscriber that is killed is unsubscribed all the same', async () => {
    const { child } = await subscriber(second, 'killed');
    expect(await publish(first, 'killed', 'x', '--qos', '1')).to.include({ subscribers: 1 });
    child.kill('SIGKILL');
    await once(child, 'close');
    while ((await publish(first, 'killed', 'y')).subscribers > 0);
  });

  it('exits with 4 when subscribers are required and there are none', async () => {
    const result = await on(first, 'pubsub', 'publish', 'nobody', 'x', '--require-subscribers', '--json');
    expect(result.code).to.equal(4);
    expect(onlyObject<FailureJson>(result).error.code).to.equal('MACULA_NO_SUBSCRIBERS');
  });

  it('exits with 5 when fewer messages than --count came in time, and with 0 when none were counted', async () => {
    expect((await on(second, 'pubsub', 'subscribe', 'silence', '--count', '1', '--timeout', '300ms', '--json')).code).to.equal(5);
    expect((await on(second, 'pubsub', 'subscribe', 'silence', '--timeout', '300ms')).code).to.equal(0);
  });

  for (const [args, message] of [
    [['publish', 'a..b', 'x'], /not a topic/],
    [['publish', 'a.*', 'x'], /not a topic/],
    [['subscribe', 'a.>.b'], /not a pattern/],
    [['publish', 'a', 'x', '--qos', '2'], /--qos/],
  ] as const) {
    it(`refuses \`pubsub ${args.join(' ')}\` with 2`, async () => {
      const result = await on(first, 'pubsub', ...args);
      expect(result.code).to.equal(2);
      expect(result.stderr).to.match(message);
    });
  }

  it('says with 8 who did not acknowledge: a node that was killed', async () => {
    const third = await farm.start('third', { bootstrap: [first.url] });
    await subscriber(third, 'partly');
    const { result } = await subscriber(second, 'partly', '--count', '2', '--json');
    expect(await publish(first, 'partly', 'all', '--qos', '1')).to.include({ subscribers: 2, delivered: 2 });
    await third.end('SIGKILL');
    const partly = await on(first, 'pubsub', 'publish', 'partly', 'most', '--qos', '1', '--timeout', '2s', '--json');
    expect(partly.code).to.equal(8);
    expect(onlyObject<FailureJson>(partly).error).to.deep.include({ code: 'MACULA_PARTLY_DELIVERED' });
    expect(onlyObject<FailureJson>(partly).error.details).to.include({ subscribers: 2, delivered: 1 });
    expect(linesOf(await result).map(({ payload }) => payload)).to.deep.equal(['all', 'most']);
  });

  it('works with curl alone, line by line as docs/PUBSUB.md prints', async () => {
    const page = readFileSync(resolve(packageRoot, 'docs/PUBSUB.md'), 'utf8').split('## From any language')[1]!;
    const script = /```sh\n(.*?)```/s.exec(page)![1]!;
    const { code, stdout, stderr } = await bash(script, { env: { SOCKET: second.ready.controlSocket } });
    expect(code, stderr).to.equal(0);
    expect(stdout).to.include('"event":"subscribed"').and.to.include('"payload":"21.5"').and.to.include('"subscribers":1,"delivered":1');
  });
});
