import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';

// npm run bench:peers [-- rounds]: other systems and this one do the same work in turn (A B C A B C …); medians of the rounds.
const here = import.meta.dirname;
const systems = ['macula', 'hyperdht', 'bittorrent-dht'];
const rounds = Number(process.argv[2] ?? 3);
const limitMs = 180_000;

if (!existsSync(join(here, 'node_modules'))) execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
console.log(`load before: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`);
const results = new Map(systems.map((system) => [system, []]));
for (let round = 0; round < rounds; round++) {
  for (const system of systems) {
    try {
      const output = execFileSync(process.execPath, ['--import', 'tsx', join(here, 'measure.mjs'), system], { encoding: 'utf8', timeout: limitMs, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'inherit'] });
      results.get(system).push(JSON.parse(output));
    } catch (error) {
      console.error(`Error: no figures of ${system} in round ${round + 1}: ${error.code === 'ETIMEDOUT' ? `not done in ${limitMs / 1000} s` : error.message}`);
      process.exitCode = 1;
    }
  }
}

const rows = [
  ['put p50 / p99, ms', 'putP50', 'putP99'], ['requests a put', 'requestsPerPut'], ['get p50 / p99, ms', 'getP50', 'getP99'],
  ['cached get p50 / p99, ms', 'cachedP50', 'cachedP99'], ['join and get p50 / longest, ms', 'joinP50', 'joinMax'],
  ['100 puts at once by one node, a second', 'putsPerSecond'], ['processor time of each, ms', 'cpuPerPut'],
  ['of these 100 puts, failed', 'putsFailed'],
  ['100 gets at once by one node, a second', 'getsPerSecond'], ['processor time of each, ms', 'cpuPerGet'],
  ['put p50 / p99 after 30 % were lost, ms', 'lossPutP50', 'lossPutP99'],
];
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const shown = (system, name) => {
  const values = results.get(system).map((figures) => figures[name]).filter((value) => typeof value === 'number');
  if (values.length === 0) return '–';
  const value = median(values);
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(2);
};
console.log(`\n| DHT of 50 nodes, 64-byte values | ${systems.join(' | ')} |\n|---|${'---|'.repeat(systems.length)}`);
for (const [what, ...names] of rows) console.log(`| ${what} | ${systems.map((system) => names.map((name) => shown(system, name)).join(' / ')).join(' | ')} |`);
console.log(`\nload after: ${loadavg().map((load) => load.toFixed(2)).join(', ')}; Node.js ${process.version}; rounds: ${rounds}`);
