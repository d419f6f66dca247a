import { ask, BenchNode } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { interleave, percentile, report } from './harness.js';
import { UdpAsker } from './udp-echo.js';

// A new connection, admission and a first request, again and again; the close is not in the time.
const handshakesUnlimited = { retryAboveInitialsPerSecond: 1_000_000 };
const [echo, direct, withRetry] = [BenchChild.start('udp-echo-child.ts'), BenchChild.start('node-child.ts'), BenchChild.start('node-child.ts')];
const asker = await UdpAsker.to(await echo.call('port'));
const ports = {
  direct: await direct.call<number>('start', { ...handshakesUnlimited, retrySampleRatio: 0 }),
  withRetry: await withRetry.call<number>('start', { ...handshakesUnlimited, retrySampleRatio: 1 }),
};
const client = await BenchNode.start();
const dialsPerRound = 60;
const tails: number[] = [];

async function dials(port: number): Promise<number[]> {
  const measured: number[] = [];
  for (let count = 0; count < dialsPerRound; count++) {
    const startMs = performance.now();
    const session = await client.dial(port);
    await ask(session);
    measured.push(performance.now() - startMs);
    await session.close(0, 'done');
  }
  return measured;
}

async function directDials(): Promise<number> {
  const measured = await dials(ports.direct);
  tails.push(percentile(measured, 0.99));
  return percentile(measured, 0.5);
}

async function floor(): Promise<number> {
  const startMs = performance.now();
  for (let count = 0; count < 2000; count++) await asker.ask();
  return (performance.now() - startMs) / 2000;
}

await dials(ports.direct);
await dials(ports.withRetry);
const result = await interleave(7, { floor, direct: directDials, withRetry: async () => percentile(await dials(ports.withRetry), 0.5) });
asker.close();
await client.stop();
await Promise.all([echo.end(), direct.end(), withRetry.end()]);
await report('dial', [
  { what: 'dial, admission and first request, p50', value: result.direct, unit: 'ms', ratio: `${(result.direct / result.floor).toFixed(0)} × raw UDP`, target: '≤ 3 ms', met: result.direct <= 3 },
  { what: 'the same, p99 (median of rounds)', value: percentile(tails, 0.5), unit: 'ms' },
  { what: 'the same with a retry token demanded, p50', value: result.withRetry, unit: 'ms' },
]);
