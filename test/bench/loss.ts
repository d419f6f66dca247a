import { BenchNode, latencies } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { median, percentile, report, type Row } from './harness.js';

// How many message streams a connection should have: 64 small requests at once over a path that loses datagrams.
const streamCounts = [1, 2, 4, 8];
const losses = [0, 0.01, 0.02, 0.05];
const rounds = 3;
const atOnce = 64;
const requests = 3200;
const delayMs = 10;

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly mean: number;
}

const [server, path] = [BenchChild.start('node-child.ts'), BenchChild.start('lossy-path-child.ts')];
const serverPort = await server.call<number>('start', { udpPayloadBytes: 1200, retrySampleRatio: 0 });

async function measure(messageStreams: number, loss: number, seed: number): Promise<Latency> {
  const port = await path.call<number>('start', { serverPort, faults: { seed, loss, delayMs } });
  const client = await BenchNode.start({ udpPayloadBytes: 1200, messageStreams, requestTimeoutMs: 30_000 });
  const session = await client.dial(port);
  await latencies(session, 10 * atOnce, atOnce);
  const measured = await latencies(session, requests, atOnce);
  await client.stop();
  await path.call('close');
  return { p50: percentile(measured, 0.5), p99: percentile(measured, 0.99), mean: measured.reduce((sum, value) => sum + value, 0) / measured.length };
}

const rows: Row[] = [];
for (const loss of losses) {
  const results = new Map(streamCounts.map((count) => [count, [] as Latency[]]));
  for (let round = 0; round < rounds; round++) {
    for (const count of streamCounts) results.get(count)!.push(await measure(count, loss, 1000 * round + loss * 100));
  }
  const mid = (count: number, key: keyof Latency): number => median(results.get(count)!.map((latency) => latency[key]));
  for (const count of streamCounts) {
    const what = `${loss * 100} % loss, ${count} message stream${count === 1 ? '' : 's'}`;
    for (const key of ['p50', 'mean', 'p99'] as const) {
      rows.push({ what: `${what}, ${key}`, value: mid(count, key), unit: 'ms', ratio: `${(mid(count, key) / mid(1, key)).toFixed(2)} × one stream` });
    }
  }
}
await Promise.all([server.end(), path.end()]);
await report('loss', rows);
