import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { scriptArguments } from '../../support/script-arguments.ts';

// npm run bench:peers [-- group… rounds]: other systems and this one do the same work in turn (A B C A B C …); medians of the
// rounds. A group is a folder with `table.mjs` (title, systems, rows, and targets where there are any) and `measure.mjs`, which gets the
// name of a system and prints its figures as one line of JSON. All figures go to bench-results/peers-<group>.json.
const here = import.meta.dirname;
const groups = {
  dht: 'puts and gets in networks of 50 nodes: hyperdht, bittorrent-dht',
  rpc: 'requests and replies between two processes: raw UDP, hyperdht, iroh, libp2p, gRPC',
  pubsub: 'one publisher, ten subscribers: gossipsub, bare hyperdht streams',
};

const isCount = (word) => /^[1-9]\d*$/.test(word);
const { words } = scriptArguments({
  command: 'npm run bench:peers', about: 'This project and others do the same work in turn; prints the medians of all rounds and writes bench-results/peers-GROUP.json. The others are installed in a folder of their own.',
  kind: 'group', names: groups, options: {}, isWord: isCount,
  examples: { pubsub: 'this group, five rounds', 'rpc dht 2': 'two rounds of these' },
});
const rounds = Number(words.find(isCount) ?? 5);
const named = words.filter((word) => !isCount(word));

function figuresOf(group, system, limitMs) {
  const args = ['--import', 'tsx', '--expose-gc', join(here, group, 'measure.mjs'), system];
  try {
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8', timeout: limitMs, killSignal: 'SIGKILL', stdio: ['ignore', 'pipe', 'inherit'] }));
  } catch (error) {
    console.error(`Error: no figures of ${system}: ${error.code === 'ETIMEDOUT' ? `not done in ${limitMs / 1000} s` : error.message}`);
    process.exitCode = 1;
    return undefined;
  }
}

/** The median of those that are numbers; undefined where there are none. */
function median(values) {
  const sorted = values.filter((value) => typeof value === 'number' && !Number.isNaN(value)).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

function shown(value) {
  if (value === undefined) return '–';
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(2);
}

/** Targets with the median of the ratios of the rounds, as what is compared was measured within seconds; of the figures themselves where no peer is named. */
function judged(targets, results) {
  return targets.map(({ figure, peer, most, least }) => {
    const unit = peer === undefined ? '' : ' ×';
    const ratio = median(results.get('macula').map((figures, round) => figures?.[figure] / (peer === undefined ? 1 : results.get(peer)[round]?.[figure])));
    return { figure, peer, ratio, unit, target: most === undefined ? `≥ ${least}${unit}` : `≤ ${most}${unit}`, met: ratio === undefined ? undefined : most === undefined ? ratio >= least : ratio <= most };
  });
}

/** What a figure is called; of several in a row by its name too. */
function headingOf(rows, figure) {
  const [heading, ...names] = rows.find((row) => row.includes(figure, 1));
  return names.length === 1 || names[0] === figure ? heading : `${heading}: ${figure}`;
}

/** Versions of what was measured, as installed. */
function versions() {
  const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  const versionOf = (name) => JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8')).version;
  return Object.fromEntries(Object.keys(dependencies).map((name) => [name, versionOf(name)]));
}

execFileSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
for (const group of named.length > 0 ? named : Object.keys(groups)) {
  const { title, systems, rows, targets = [], limitMs = 180_000 } = await import(`./${group}/table.mjs`);
  const loadBefore = loadavg();
  console.log(`load before: ${loadBefore.map((load) => load.toFixed(2)).join(', ')}`);
  const results = new Map(systems.map((system) => [system, []]));
  for (let round = 0; round < rounds; round++) {
    for (const system of systems) results.get(system).push(figuresOf(group, system, limitMs));
  }
  console.log(`\n| ${title} | ${systems.join(' | ')} |\n|---|${'---|'.repeat(systems.length)}`);
  const cell = (system, names) => names.map((name) => shown(median(results.get(system).map((figures) => figures?.[name])))).join(' / ');
  for (const [what, ...names] of rows) console.log(`| ${what} | ${systems.map((system) => cell(system, names)).join(' | ')} |`);
  const met = judged(targets, results);
  if (met.length > 0) console.log('\n| macula against | ratio | target | met |\n|---|---|---|---|');
  for (const target of met) console.log(`| ${target.peer ?? 'no other'}, ${headingOf(rows, target.figure)} | ${shown(target.ratio)}${target.unit} | ${target.target} | ${target.met === undefined ? '' : target.met ? 'yes' : 'no'} |`);
  console.log(`\nload after: ${loadavg().map((load) => load.toFixed(2)).join(', ')}; Node.js ${process.version}; rounds: ${rounds}`);
  const directory = join(here, '../../../bench-results');
  mkdirSync(directory, { recursive: true });
  const report = { group, date: new Date().toISOString(), machine: { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, loadBefore }, versions: versions(), rounds, results: Object.fromEntries(results), targets: met };
  writeFileSync(join(directory, `peers-${group}.json`), `${JSON.stringify(report, null, 2)}\n`);
}
