import { ask, BenchNode, latencies, requestRate } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { interleave, percentile, report } from './harness.js';
import { UdpAsker } from './udp-echo.js';

// Requests of 100 bytes over one session, beside raw UDP echo in the same run.
const [echo, server] = [BenchChild.start('udp-echo-child.ts'), BenchChild.start('node-child.ts')];
const asker = await UdpAsker.to(await echo.call('port'));
const client = await BenchNode.start();
const session = await client.dial(await server.call('start', {}));

const floor = async (): Promise<number> => {
  const measured: number[] = [];
  for (let count = 0; count < 3000; count++) {
    const startMs = performance.now();
    await asker.ask();
    measured.push(performance.now() - startMs);
  }
  return percentile(measured, 0.5);
};
let sequentialTails: number[] = [];
const sequential = async (): Promise<number> => {
  const measured = await latencies(session, 3000, 1);
  sequentialTails.push(percentile(measured, 0.99));
  return percentile(measured, 0.5);
};

for (let count = 0; count < 2000; count++) await ask(session);
await floor();
await requestRate(session, 60_000, 64);
sequentialTails = [];
const result = await interleave(7, { floor, sequential, floorRate: () => asker.rate(30_000, 64), rate: () => requestRate(session, 60_000, 64) });
asker.close();
await client.stop();
await Promise.all([echo.end(), server.end()]);
const times = result.sequential / result.floor;
await report('requests', [
  { what: 'raw UDP echo, one after another, p50', value: result.floor, unit: 'ms' },
  { what: 'request and reply, one after another, p50', value: result.sequential, unit: 'ms', ratio: `${times.toFixed(2)} × raw UDP`, target: '≤ 3 × raw UDP (stretch 2.5)', met: times <= 3 },
  { what: 'the same, p99', value: percentile(sequentialTails, 0.5), unit: 'ms' },
  { what: 'raw UDP echo, 64 at once', value: result.floorRate, unit: '/s' },
  { what: 'requests, 64 at once', value: result.rate, unit: '/s', ratio: `${(result.rate / result.floorRate).toFixed(2)} × raw UDP`, target: '≥ 60,000/s', met: result.rate >= 60_000 },
]);
