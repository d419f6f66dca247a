import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadavg } from 'node:os';

// npm run bench [-- name…]: runs all benchmarks or those named, one after another, each in a process of its own.
const benchmarks = ['udp-floor', 'dial', 'requests', 'bulk', 'memory', 'node-start', 'cli-startup', 'mesh', 'loss', 'congestion', 'relay', 'dht', 'pubsub', 'rpc', 'telemetry'];

const named = process.argv.slice(2);
const unknown = named.filter((name) => !benchmarks.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`Error: there is no benchmark ${unknown.join(', ')}\n  → There are: ${benchmarks.join(', ')}\n`);
  process.exit(2);
}
console.log(`load before: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`);
for (const name of named.length > 0 ? named : benchmarks) {
  const child = spawn(process.execPath, ['--import', 'tsx', '--expose-gc', join(import.meta.dirname, `${name}.ts`)], { stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) {
    process.stderr.write(`Error: the benchmark ${name} failed\n`);
    process.exitCode = 1;
  }
}
console.log(`\nload after: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`);
