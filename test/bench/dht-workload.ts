import { setTimeout as sleep } from 'node:timers/promises';
import { percentile } from './harness.js';

/** A network of nodes of some DHT, most of them in this process. Values have 64 bytes. */
export interface DhtNetwork {
  /** Nodes of this process, by their number from 0 to `size - 1`. */
  readonly size: number;
  put(node: number, name: string): Promise<void>;
  /** Reads from the network. @throws where there is nothing */
  get(node: number, name: string): Promise<void>;
  /** Reads the same again from whatever is cached; undefined: this DHT caches no results. */
  getCached: ((node: number, name: string) => Promise<void>) | undefined;
  /** A new node joins and reads. Milliseconds from the moment it begins to join. */
  joinAndGet(name: string): Promise<number>;
  /** Requests sent by all nodes of this process so far. */
  requestsSent(): number;
  /** Makes nodes of this network end without a word; resolves as soon as they are gone. At most once. */
  loseSome(): Promise<void>;
  close(): Promise<void>;
}

export interface DhtWork {
  /** Puts and gets one after another. */
  readonly single: number;
  /** Puts and gets at once, by one node. */
  readonly atOnce: number;
  /** Nodes that join and read. */
  readonly joins: number;
  /** Puts one after another after the loss. */
  readonly afterLoss: number;
}

/** What a network took; durations in milliseconds, rates a second. */
export type DhtFigures = Readonly<Record<
  | 'putP50' | 'putP99' | 'requestsPerPut' | 'getP50' | 'getP99' | 'cachedP50' | 'cachedP99' | 'joinP50' | 'joinMax'
  | 'putsPerSecond' | 'putsFailed' | 'cpuPerPut' | 'getsPerSecond' | 'getsFailed' | 'cpuPerGet' | 'lossPutP50' | 'lossPutP99', number>>;

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

interface Rate {
  /** Those that succeeded. */
  readonly perSecond: number;
  readonly failed: number;
  /** Processor time of this process for each. */
  readonly cpuMs: number;
}

async function rate(count: number, work: (index: number) => Promise<void>): Promise<Rate> {
  const cpu = process.cpuUsage();
  let failed = 0;
  const ms = await timed(async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: count }, (_, index) => work(index)));
    failed = outcomes.filter(({ status }) => status === 'rejected').length;
  });
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (count - failed) / (ms / 1000), failed, cpuMs: (user + system) / 1000 / count };
}

/** Runs the same work on any DHT. */
export async function measureDht(network: DhtNetwork, work: DhtWork): Promise<DhtFigures> {
  const { size } = network;
  // Every node and every path of the code has been used before anything is measured.
  for (let index = 0; index < size; index++) await network.put(index, `warm ${index}`);
  const puts: number[] = [];
  const sentBefore = network.requestsSent();
  for (let index = 0; index < work.single; index++) puts.push(await timed(() => network.put(index % size, `single ${index}`)));
  const requestsPerPut = (network.requestsSent() - sentBefore) / work.single;
  const gets: number[] = [];
  const cached: number[] = [];
  for (let index = 0; index < work.single; index++) {
    const node = (index * 7 + 3) % size;
    gets.push(await timed(() => network.get(node, `single ${index}`)));
    if (network.getCached) cached.push(await timed(() => network.getCached!(node, `single ${index}`)));
  }
  const joins: number[] = [];
  for (let index = 0; index < work.joins; index++) joins.push(await network.joinAndGet(`single ${index}`));
  const putRate = await rate(work.atOnce, (index) => network.put(0, `many ${index}`));
  const getRate = await rate(work.atOnce, (index) => network.get(1, `many ${index}`));
  await sleep(500);
  await network.loseSome();
  const afterLoss: number[] = [];
  for (let index = 0; index < work.afterLoss; index++) afterLoss.push(await timed(() => network.put(index % (size >> 1), `loss ${index}`)));
  return {
    putP50: percentile(puts, 0.5), putP99: percentile(puts, 0.99), requestsPerPut,
    getP50: percentile(gets, 0.5), getP99: percentile(gets, 0.99),
    cachedP50: percentile(cached, 0.5), cachedP99: percentile(cached, 0.99),
    joinP50: percentile(joins, 0.5), joinMax: percentile(joins, 1),
    putsPerSecond: putRate.perSecond, putsFailed: putRate.failed, cpuPerPut: putRate.cpuMs,
    getsPerSecond: getRate.perSecond, getsFailed: getRate.failed, cpuPerGet: getRate.cpuMs,
    lossPutP50: percentile(afterLoss, 0.5), lossPutP99: percentile(afterLoss, 0.99),
  };
}
