import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadavg } from 'node:os';
import { scriptArguments } from '../support/script-arguments.js';

// npm run bench [-- name…]: runs all benchmarks or those named, one after another, each in a process of its own.
const benchmarks = {
  'udp-floor': 'raw UDP echo: what everything else is compared with',
  dial: 'a new connection, admission and a first request',
  requests: 'requests of 100 bytes over one session, beside raw UDP',
  bulk: 'a stream of its own, one way, at two datagram sizes',
  memory: 'an idle node, and each of 1,000 connections',
  'node-start': 'from spawn to the ready line',
  'cli-startup': 'client commands beside the start of Node.js itself',
  mesh: 'five nodes find each other; one is killed and comes back',
  loss: 'how many message streams, over a path that loses datagrams',
  congestion: 'which congestion control, over the same',
  relay: 'the same server directly and through a relay',
  upgrade: 'how long connections stay on their relay, and what idle ones cost (as root: NATs in namespaces)',
  dht: '50 nodes: put, get, join, and after 15 were killed',
  pubsub: 'one publisher, ten subscribers: batched, unbatched, delay, burst',
  rpc: 'calls through the whole stack, streams, and a connection for each',
  telemetry: 'what an event costs',
};
/** With this code a benchmark says that it cannot run on this machine (EX_UNAVAILABLE of sysexits.h); it has written why. */
const unavailable = 69;

const { words } = scriptArguments({
  command: 'npm run bench', about: 'Runs the benchmarks of this project, all where none is named; prints a table of each and writes bench-results/NAME.json.',
  kind: 'benchmark', names: benchmarks, options: {}, examples: { 'requests bulk': 'these two' },
});
console.log(`load before: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`);
for (const name of words.length > 0 ? words : Object.keys(benchmarks)) {
  const child = spawn(process.execPath, ['--import', 'tsx', '--expose-gc', join(import.meta.dirname, `${name}.ts`)], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  // Where all are run, it is left out.
  if (code !== 0 && (code !== unavailable || words.length > 0)) {
    process.stderr.write(`Error: the benchmark ${name} failed\n`);
    process.exitCode = 1;
  }
}
console.log(`\nload after: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`);
