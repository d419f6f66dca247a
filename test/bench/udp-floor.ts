import { BenchChild } from './child-calls.js';
import { interleave, percentile, report } from './harness.js';
import { UdpAsker } from './udp-echo.js';

// Raw UDP echo between two processes: what everything else is compared with.
const child = BenchChild.start('udp-echo-child.ts');
const asker = await UdpAsker.to(await child.call('port'));

const sequential = async (share: number): Promise<number> => {
  const measured: number[] = [];
  for (let count = 0; count < 3000; count++) {
    const startMs = performance.now();
    await asker.ask();
    measured.push(performance.now() - startMs);
  }
  return percentile(measured, share);
};

await sequential(0.5);
const result = await interleave(5, { p50: () => sequential(0.5), p99: () => sequential(0.99), rate: () => asker.rate(30_000, 64) });
asker.close();
await child.end();
await report('udp-floor', [
  { what: 'raw UDP echo, 100 bytes, one after another, p50', value: result.p50, unit: 'ms' },
  { what: 'the same, p99', value: result.p99, unit: 'ms' },
  { what: 'raw UDP echo, 64 at once', value: result.rate, unit: '/s' },
]);
