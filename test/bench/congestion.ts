import { BenchNode, latencies } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { median, percentile, report, type Row } from './harness.js';

// Which congestion control: small requests one after another over a path that loses datagrams, where the window stays small.
const controls = ['cubic', 'reno', 'bbr'] as const;
const losses = [0, 0.02, 0.08];
const rounds = 3;
const requests = 150;
const delayMs = 1;

const [server, path] = [BenchChild.start('node-child.ts'), BenchChild.start('lossy-path-child.ts')];

async function measure(congestionControl: (typeof controls)[number], loss: number, seed: number): Promise<number[]> {
  const serverPort = await server.call<number>('start', { udpPayloadBytes: 1200, retrySampleRatio: 0, congestionControl });
  const port = await path.call<number>('start', { serverPort, faults: { seed, loss, delayMs } });
  const client = await BenchNode.start({ udpPayloadBytes: 1200, congestionControl, requestTimeoutMs: 60_000, keepaliveIntervalMs: 40_000 });
  const measured = await latencies(await client.dial(port), requests, 1);
  await client.stop();
  await path.call('close');
  return measured;
}

const rows: Row[] = [];
for (const loss of losses) {
  const results = new Map(controls.map((control) => [control, [] as number[][]]));
  for (let round = 0; round < rounds; round++) {
    for (const control of controls) results.get(control)!.push(await measure(control, loss, 1000 * round + loss * 100));
  }
  const mid = (control: (typeof controls)[number], share: number): number => median(results.get(control)!.map((latency) => percentile(latency, share)));
  for (const control of controls) {
    for (const [name, share] of [['p50', 0.5], ['p99', 0.99], ['worst', 1]] as const) {
      const ratio = `${(mid(control, share) / mid('bbr', share)).toFixed(2)} × bbr`;
      rows.push({ what: `${loss * 100} % loss, ${control}, ${name}`, value: mid(control, share), unit: 'ms', ratio });
    }
  }
}
await Promise.all([server.end(), path.end()]);
await report('congestion', rows);
