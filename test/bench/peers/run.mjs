import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';

// npm run bench:peers [-- group… rounds]: other systems and this one do the same work in turn (A B C A B C …); medians of the
// rounds. A group is a folder with `table.mjs` (title, systems, rows) and `measure.mjs`, which gets the name of a system and
// prints its figures as one line of JSON.
const here = import.meta.dirname;
const groups = ['dht'];
const limitMs = 180_000;

const given = process.argv.slice(2);
const rounds = Number(given.find((word) => /^\d+$/.test(word)) ?? 5);
const named = given.filter((word) => !/^\d+$/.test(word));
const unknown = named.filter((name) => !groups.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`Error: there is no group ${unknown.join(', ')}\n  → There are: ${groups.join(', ')}\n`);
  process.exit(2);
}

function figuresOf(group, system) {
  const args = ['--import', 'tsx', '--expose-gc', join(here, group, 'measure.mjs'), system];
  try {
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: limitMs, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'inherit'] }));
  } catch (error) {
    console.error(`Error: no figures of ${system}: ${error.code === 'ETIMEDOUT' ? `not done in ${limitMs / 1000} s` : error.message}`);
    process.exitCode = 1;
    return undefined;
  }
}

function shown(measured, name) {
  const values = measured.map((figures) => figures[name]).filter((value) => typeof value === 'number').sort((a, b) => a - b);
  const value = values[values.length >> 1];
  if (value === undefined) return '–';
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(2);
}

if (!existsSync(join(here, 'node_modules'))) execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
for (const group of named.length > 0 ? named : groups) {
  const { title, systems, rows } = await import(`./${group}/table.mjs`);
  console.log(`load before: ${loadavg().map((load) => load.toFixed(2)).join(', ')}`);
  const results = new Map(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round++) {
    for (const system of systems) {
      const figures = figuresOf(group, system);
      if (figures) results.get(system).push(figures);
    }
  }
  console.log(`\n| ${title} | ${systems.join(' | ')} |\n|---|${'---|'.repeat(systems.length)}`);
  for (const [what, ...names] of rows) console.log(`| ${what} | ${systems.map((system) => names.map((name) => shown(results.get(system), name)).join(' / ')).join(' | ')} |`);
  console.log(`\nload after: ${loadavg().map((load) => load.toFixed(2)).join(', ')}; Node.js ${process.version}; rounds: ${rounds}`);
}
