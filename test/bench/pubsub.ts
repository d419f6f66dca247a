import { BenchChild } from './child-calls.js';
import { interleave, median, percentile, report } from './harness.js';
import { PubSubCrowd } from './pubsub-crowd.js';

// One publisher in this process, ten subscribers in two others: 100-byte messages, batched and one message a packet.
const rounds = 5;
const [first, second] = [BenchChild.start('pubsub-child.ts'), BenchChild.start('pubsub-child.ts')];
const batched = await PubSubCrowd.start([first, second], { topic: 'bench.batched', subscribers: 5 }, {});
const single = await PubSubCrowd.start([first, second], { topic: 'bench.single', subscribers: 5 }, { pubsubBatchBytes: 0 });

const rate = await interleave(rounds, {
  batched: () => batched.rate(5000, { turns: false }),
  single: () => single.rate(1000, { turns: true }),
});
const halfLoad = Math.max(10, rate.batched / 2);
const latencies: number[] = [];
for (let round = 0; round < rounds; round++) latencies.push(...(await batched.latencies(halfLoad, 1000)));
const bursts: number[][] = [];
const crowd = await PubSubCrowd.start([first, second], { topic: 'bench.burst', subscribers: 10 }, {});
for (let round = 0; round < rounds; round++) bursts.push(await crowd.burst(1000));
await Promise.all([batched.stop(), single.stop(), crowd.stop()]);
await Promise.all([first.end(), second.end()]);

const times = rate.batched / rate.single;
const p99 = percentile(latencies, 0.99);
const longest = median(bursts.map((burst) => Math.max(...burst)));
await report('pubsub', [
  { what: '1 publisher to 10 subscribers, 100 bytes, QoS 0, batched', value: rate.batched, unit: 'messages/s', ratio: `${times.toFixed(1)} × one a packet`, target: '≥ 2 × one a packet', met: times >= 2 },
  { what: 'the same, one message a packet', value: rate.single, unit: 'messages/s' },
  { what: `delivery at half load (${Math.round(halfLoad)} messages/s), p50`, value: percentile(latencies, 0.5), unit: 'ms' },
  { what: 'the same, p99', value: p99, unit: 'ms', target: '< 50 ms', met: p99 < 50 },
  { what: 'burst of 1,000 messages to 20 subscribers, p50', value: median(bursts.map((burst) => percentile(burst, 0.5))), unit: 'ms' },
  { what: 'the same, the last message', value: longest, unit: 'ms', target: 'no multi-second delay', met: longest < 2000 },
]);
