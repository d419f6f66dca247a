import { rm } from 'node:fs/promises';
import type { MaculaNode } from '../../src/lib/index.js';
import { BenchNode, ask, bulkRate, latencies, requestRate } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { interleave, percentile, report } from './harness.js';
import { rpcNode } from './rpc-node.js';
import { UdpAsker } from './udp-echo.js';

// Calls of 100 bytes through the whole stack (by name, over the pool), beside raw requests of a session and raw UDP echo in the same run.
const crowdSize = 300;
const [echo, bare, server] = [BenchChild.start('udp-echo-child.ts'), BenchChild.start('node-child.ts'), BenchChild.start('rpc-child.ts')];
const asker = await UdpAsker.to(await echo.call('port'));
const plain = await BenchNode.start();
const barePort = await bare.call<number>('start', {});
const session = await plain.dial(barePort);
const { port, nodeId } = await server.call<{ port: number; nodeId: string }>('start');
const body = Buffer.alloc(100, 7);

/** A node that knows the server. */
async function knowing(): Promise<MaculaNode> {
  const node = await rpcNode([`https://127.0.0.1:${port}`]);
  while (!node.dht.nodes().some((other) => other.nodeId === nodeId)) await new Promise((resolve) => setTimeout(resolve, 10));
  return node;
}

const client = await knowing();
const call = (): Promise<unknown> => client.rpc.call('bench.echo', body);

async function rate(count: number, atOnce: number, one: () => Promise<unknown>): Promise<number> {
  let started = 0;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (started < count) {
        started++;
        await one();
      }
    }),
  );
  return count / ((performance.now() - startMs) / 1000);
}

/** Microseconds of this process for each. */
async function processorTime(count: number, atOnce: number, one: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await rate(count, atOnce, one);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

async function median(count: number, one: () => Promise<unknown>): Promise<number> {
  const measured: number[] = [];
  for (let turn = 0; turn < count; turn++) {
    const startMs = performance.now();
    await one();
    measured.push(performance.now() - startMs);
  }
  return percentile(measured, 0.5);
}

/** Values a second of a stream from the provider. */
async function streamRate(count: number, bytes: number): Promise<number> {
  const startMs = performance.now();
  let received = 0;
  for await (const _ of await client.rpc.callStream('bench.values', { count, bytes })) received++;
  if (received !== count) throw new Error(`${received} of ${count} values came`);
  return count / ((performance.now() - startMs) / 1000);
}

const blockBytes = 64 * 1024;

/** What every call would cost without a pool: a handshake, one request, and the end of the connection. */
async function onNewConnection(): Promise<void> {
  const own = await plain.dial(barePort);
  await ask(own);
  own.connection.close(0, '');
  await own.closed;
}

for (let count = 0; count < 2000; count++) await call();
await rate(40_000, 64, call);
await requestRate(session, 40_000, 64);
const result = await interleave(5, {
  floor: () => median(3000, () => asker.ask()),
  request: async () => percentile(await latencies(session, 3000, 1), 0.5),
  call: () => median(3000, call),
  requestRate: () => requestRate(session, 60_000, 64),
  callRate: () => rate(60_000, 64, call),
  idempotentRate: () => rate(30_000, 64, () => client.rpc.call('bench.echo', body, { idempotent: true })),
});
await streamRate(2000, 100);
await bulkRate(session, 16 << 20);
const streams = await interleave(5, {
  bulk: () => bulkRate(session, 48 << 20),
  large: async () => ((await streamRate(512, blockBytes)) * blockBytes) / 1e6,
  small: () => streamRate(50_000, 100),
});
await session.close(0, 'done');
// The same calls from a node with many connections in its pool.
const crowd = BenchChild.start('crowd-child.ts');
const crowded = await knowing();
await crowd.call('start', crowdSize);
await crowd.call('dialAll', crowded.listen[0]!.port);
const crowdedCall = (): Promise<unknown> => crowded.rpc.call('bench.echo', body);
for (let count = 0; count < 2000; count++) await crowdedCall();
const pool = await interleave(5, {
  few: () => processorTime(30_000, 64, call),
  many: () => processorTime(30_000, 64, crowdedCall),
  fewRate: () => rate(30_000, 64, call),
  manyRate: () => rate(30_000, 64, crowdedCall),
});
const connections = crowded.poolStats().size;
await crowd.end();
const fresh = await interleave(3, { one: () => median(100, onNewConnection), rate: () => rate(100, 1, onNewConnection), pooled: () => median(1000, call), pooledRate: () => rate(5000, 1, call) });
asker.close();
for (const node of [client, crowded]) {
  await node.stop();
  await rm(node.settings.dataDir, { recursive: true, force: true });
}
await plain.stop();
await Promise.all([echo.end(), bare.end(), server.end()]);
const times = result.call / result.floor;
const share = result.callRate / result.requestRate;
await report('rpc', [
  { what: 'raw UDP echo, one after another, p50', value: result.floor, unit: 'ms' },
  { what: 'request of a session, one after another, p50', value: result.request, unit: 'ms', ratio: `${(result.request / result.floor).toFixed(2)} × raw UDP` },
  { what: 'call by name, one after another, p50', value: result.call, unit: 'ms', ratio: `${times.toFixed(2)} × raw UDP`, target: '≤ 3 × raw UDP (stretch 2.5)', met: times <= 3 },
  { what: 'requests of a session, 64 at once', value: result.requestRate, unit: '/s' },
  { what: 'calls by name, 64 at once', value: result.callRate, unit: '/s', ratio: `${share.toFixed(2)} × requests`, target: '≥ 0.85 × requests', met: share >= 0.85 },
  { what: 'idempotent calls by name, 64 at once', value: result.idempotentRate, unit: '/s', ratio: `${(result.idempotentRate / result.requestRate).toFixed(2)} × requests` },
  { what: 'bytes on a stream of a session', value: streams.bulk, unit: 'MB/s' },
  { what: 'streamed results of 64 KiB', value: streams.large, unit: 'MB/s', ratio: `${(streams.large / streams.bulk).toFixed(2)} × bytes on a stream` },
  { what: 'streamed results of 100 bytes', value: streams.small, unit: '/s', ratio: `${(streams.small / result.callRate).toFixed(1)} × calls` },
  { what: `processor time of a call with ${connections} connections in the pool, 64 at once`, value: pool.many, unit: 'µs', ratio: `${(pool.many / pool.few).toFixed(2)} × with one`, target: 'does not grow' },
  { what: 'the rate of these', value: pool.manyRate, unit: '/s', ratio: `${(pool.manyRate / pool.fewRate).toFixed(2)} × with one` },
  { what: 'a connection for each request, p50', value: fresh.one, unit: 'ms', ratio: `${(fresh.one / fresh.pooled).toFixed(1)} × a pooled call`, target: '≥ 10 × a pooled call', met: fresh.one >= 10 * fresh.pooled },
  { what: 'pooled calls one after another against that, rate', value: fresh.pooledRate, unit: '/s', ratio: `${(fresh.pooledRate / fresh.rate).toFixed(1)} × a connection each`, target: '≥ 10 ×', met: fresh.pooledRate >= 10 * fresh.rate },
]);
