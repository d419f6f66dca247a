import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { cleanEnvironment, packageRoot } from './cli.js';
import { untilSample } from './node-observation.js';
import { NodeFarm, type NodeProcess } from './node-process.js';

const badSends = resolve(packageRoot, 'test/support/bad-sends.mjs');
const subscriberChild = resolve(packageRoot, 'test/support/pubsub-subscriber-child.mjs');
/** Starting a process is processor time, most of it of Node.js itself: more at once only start later. */
const startedAtOnce = 4;

export interface CrowdOptions {
  readonly processes: number;
  readonly nodesEach: number;
  /** Share of all datagrams that are lost, those of the publisher too. */
  readonly loss: number;
  readonly seed: number;
  /** Called with the number of processes that have subscribed. */
  readonly onStarted?: (processes: number) => void;
}

/** A process of the crowd. */
export interface CrowdMember {
  readonly child: ChildProcess;
  /** By node, the numbers of the QoS 1 messages it got. */
  readonly seen: number[][];
  readonly gaps: unknown[];
}

/** A topic with a publisher and many subscribers, all of them processes that lose a share of what they send. */
export class PubSubCrowd {
  readonly topic = 'crowd.all';
  readonly members: CrowdMember[] = [];
  readonly #farm = new NodeFarm();
  #publisher!: NodeProcess;

  constructor(private readonly options: CrowdOptions) {}

  get size(): number {
    return this.options.processes * this.options.nodesEach;
  }

  /** Starts everybody; resolves when the publisher knows all of them. */
  async start(): Promise<void> {
    const { processes, loss, seed, onStarted } = this.options;
    const env = { NODE_OPTIONS: `--import ${badSends}`, TEST_LOSS: String(loss), TEST_SEED: String(seed), MACULA_HOST: '127.0.0.1', MACULA_DHT_BUCKET_SIZE: '4', MACULA_PUBSUB_DEAD: '2m' };
    this.#publisher = await this.#farm.start('publisher', { env });
    let next = 0;
    const starter = async (): Promise<void> => {
      while (next < processes) {
        await this.#startMember(next++);
        onStarted?.(this.members.length);
      }
    };
    await Promise.all(Array.from({ length: startedAtOnce }, starter));
    await this.#publisher.control.pubsubPublish({ topic: this.topic, payload: 'a first message, so that the crowd finds its publisher', timeoutMs: 30_000 });
    await untilSample(this.#publisher, 'macula_pubsub_subscribers', '', (count) => count === this.size);
  }

  /** Publishes one message with QoS 1; resolves when it is known who acknowledged. */
  async publish(text: string, signal?: AbortSignal): Promise<{ subscribers: number; delivered: number }> {
    return this.#publisher.control.pubsubPublish({ topic: this.topic, payload: text, qos: 1, timeoutMs: 120_000 }, signal);
  }

  /** Kills a process of the crowd. */
  async kill({ child }: CrowdMember): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  /** Lets these processes stop in order; what they have printed has arrived then. */
  async stop(members: readonly CrowdMember[]): Promise<void> {
    const ends = members.map(({ child }) => once(child, 'close'));
    for (const { child } of members) child.stdin!.end();
    await Promise.all(ends);
  }

  async close(): Promise<void> {
    for (const { child } of this.members) child.kill('SIGKILL');
    await this.#farm.close();
  }

  async #startMember(index: number): Promise<void> {
    const { nodesEach, loss, seed } = this.options;
    const args = ['--import', badSends, subscriberChild, join(await this.#farm.dataDir('.'), `crowd${index}`), this.#publisher.url, this.topic, String(nodesEach)];
    const child = spawn(process.execPath, args, { env: cleanEnvironment({ TEST_LOSS: String(loss), TEST_SEED: String(seed + 1 + index) }), stdio: ['pipe', 'pipe', 'inherit'] });
    const member: CrowdMember = { child, seen: Array.from({ length: nodesEach }, () => []), gaps: [] };
    this.members.push(member);
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
}

/**
 * Publishes to the crowd, kills one process of it in the middle, and checks that everybody else got every message exactly once and
 * in order, and the killed one all that came before.
 * @param has resolves once the condition holds
 * @throws Error saying who got what instead
 */
export async function killOneAmid(crowd: PubSubCrowd, messages: number, has: (condition: () => boolean, what: string) => Promise<void>): Promise<void> {
  const half = Array.from({ length: messages / 2 }, (_, index) => String(index));
  for (const { subscribers, delivered } of await Promise.all(half.map((text) => crowd.publish(text)))) {
    if (subscribers !== crowd.size || delivered !== crowd.size) throw new Error(`${delivered} of ${subscribers} subscribers acknowledged, not ${crowd.size}`);
  }
  const [doomed, ...others] = crowd.members as [CrowdMember, ...CrowdMember[]];
  await crowd.kill(doomed);
  // Those to the dead do not end before they are let go, here only after longer than a starved process needs to answer.
  const leave = new AbortController();
  const second = half.map((text) => crowd.publish(text, leave.signal).catch(() => undefined));
  await has(() => others.every(({ seen }) => seen.every((numbers) => numbers.length >= messages)), 'the others have everything');
  leave.abort();
  await Promise.all(second);
  await crowd.stop(others);
  for (const member of others) expectExactly(member, messages);
  expectExactly(doomed, messages / 2);
}

function expectExactly({ seen, gaps }: CrowdMember, count: number): void {
  const wanted = Array.from({ length: count }, (_, index) => index + 1).join();
  for (const numbers of seen) if (numbers.join() !== wanted) throw new Error(`of ${count} messages a subscriber got ${numbers.length}: ${numbers.join()}`);
  if (gaps.length > 0) throw new Error(`a subscriber was told of gaps: ${JSON.stringify(gaps)}`);
}
