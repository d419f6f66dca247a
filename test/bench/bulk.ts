import { BenchNode, bulkRate } from './bench-node.js';
import { BenchChild } from './child-calls.js';
import { interleave, report } from './harness.js';

// A stream of its own, one way, at two datagram sizes.
const sizes = [1200, 16_384] as const;

async function pair(udpPayloadBytes: number): Promise<{ measure: (bytes: number) => Promise<number>; end: () => Promise<void> }> {
  const server = BenchChild.start('node-child.ts');
  const client = await BenchNode.start({ udpPayloadBytes });
  const session = await client.dial(await server.call('start', { udpPayloadBytes }));
  const end = async (): Promise<void> => {
    await client.stop();
    await server.end();
  };
  return { measure: (bytes) => bulkRate(session, bytes), end };
}

const [small, large] = [await pair(sizes[0]), await pair(sizes[1])];
await small.measure(8 << 20);
await large.measure(32 << 20);
const result = await interleave(7, { small: () => small.measure(24 << 20), large: () => large.measure(96 << 20) });
await Promise.all([small.end(), large.end()]);
await report('bulk', [
  { what: 'stream, one way, datagrams of 1,200 bytes', value: result.small, unit: 'MB/s' },
  { what: 'stream, one way, datagrams of 16,384 bytes', value: result.large, unit: 'MB/s', ratio: `${(result.large / result.small).toFixed(1)} × that at 1,200` },
]);
