import { setTimeout as pause } from 'node:timers/promises';
import { BenchNode, bulkRate, latencies, requestRate } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { interleave, percentile, report } from './harness.js';
import { RelayBenchNode, relayBenchSettings, type RelayAt } from './relay-node.js';

// The same server reached directly and through a relay: three processes on loopback, datagrams of 1,200 bytes of QUIC on both ways.
const [relayProcess, server] = [BenchChild.start('relay-child.ts'), BenchChild.start('relay-child.ts')];
const [relay, there] = [await relayProcess.call<RelayAt>('at'), await server.call<RelayAt>('at')];
await server.call('reserve', relay);
const near = await BenchNode.start(relayBenchSettings);
const far = await RelayBenchNode.start();
const direct = await near.dial(there.port);
const startMs = performance.now();
const relayed = await far.dial(there.nodeId, relay);
const firstMs = performance.now() - startMs;

const oneByOne = async (session: typeof direct): Promise<number> => percentile(await latencies(session, 1000, 1), 0.5);
const bytes = 16 << 20;
for (const session of [direct, relayed]) {
  await requestRate(session, 20_000, 64);
  await bulkRate(session, bytes);
}
const result = await interleave(5, {
  latency: () => oneByOne(direct),
  relayedLatency: () => oneByOne(relayed),
  rate: () => requestRate(direct, 20_000, 64),
  relayedRate: () => requestRate(relayed, 20_000, 64),
  bulk: () => bulkRate(direct, bytes),
  relayedBulk: () => bulkRate(relayed, bytes),
});

const idleSeconds = 60;
const traffic = ({ endpoint }: BenchNode): number => endpoint.stats().bytesSent + endpoint.stats().bytesReceived;
const before = [traffic(near), traffic(far.node)] as const;
await pause(idleSeconds * 1000);
const perHour = (node: BenchNode, from: number): number => ((traffic(node) - from) * 3600) / idleSeconds / 1000;
const [direct1, relayed2] = [perHour(near, before[0]), perHour(far.node, before[1])];
await near.stop();
await Promise.all([relayProcess.end(), server.end()]);
const share = result.relayedBulk / result.bulk;
await report('relay', [
  { what: 'request and reply, one after another, direct, p50', value: result.latency, unit: 'ms' },
  { what: 'the same through a relay', value: result.relayedLatency, unit: 'ms', ratio: `${(result.relayedLatency / result.latency).toFixed(2)} × direct` },
  { what: 'requests, 64 at once, direct', value: result.rate, unit: '/s' },
  { what: 'the same through a relay', value: result.relayedRate, unit: '/s', ratio: `${(result.relayedRate / result.rate).toFixed(2)} × direct`, target: '≥ 0.5 × direct', met: result.relayedRate / result.rate >= 0.5 },
  { what: 'stream, one way, direct', value: result.bulk, unit: 'MB/s' },
  { what: 'the same through a relay', value: result.relayedBulk, unit: 'MB/s', ratio: `${share.toFixed(2)} × direct`, target: '≥ 0.5 × direct', met: share >= 0.5 },
  { what: 'connecting through a relay, with the connection to the relay, until admitted', value: firstMs, unit: 'ms' },
  { what: 'an idle direct connection, both ways', value: direct1, unit: 'kB/h' },
  { what: 'an idle connection through a relay and the one to the relay, both ways', value: relayed2, unit: 'kB/h' },
]);
process.exit();
