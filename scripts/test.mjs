// npm test: installs and builds what is out of date, then runs the test suites one after the other.
// Arguments: names of suites (all where absent); everything behind them goes to mocha.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './prepare.mjs';
import { progress, root, run } from './project.mjs';

const minute = 60_000;

/** Suites in the order of their speed, with the time after which one counts as hanging. */
const suites = [
  { name: 'unit', limitMs: 4 * minute },
  { name: 'integration', limitMs: 7 * minute },
  { name: 'sim', limitMs: 4 * minute },
  { name: 'acceptance', limitMs: 9 * minute },
  { name: 'nat', limitMs: 8 * minute, unless: noNetworkNamespaces },
];

/** Why the tests in network namespaces cannot run here, or undefined. */
function noNetworkNamespaces() {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid() !== 0) return 'needs root';
  const missing = ['ip', 'nft'].filter((tool) => spawnSync(tool, ['-V'], { stdio: 'ignore' }).error);
  if (missing.length > 0) return `needs ${missing.join(' and ')}`;
  const tried = spawnSync('ip', ['netns', 'add', `macula-try-${process.pid}`], { stdio: 'ignore' });
  spawnSync('ip', ['netns', 'delete', `macula-try-${process.pid}`], { stdio: 'ignore' });
  return tried.status === 0 ? undefined : 'needs leave to make network namespaces';
}

function hasTests(name) {
  const directory = join(root, 'test', name);
  return existsSync(directory) && readdirSync(directory, { recursive: true }).some((file) => file.endsWith('.test.ts'));
}

async function runSuite({ name, limitMs }, mochaArguments, scratch) {
  const file = join(scratch, `${name}.json`);
  const reporter = ['--reporter', join(root, 'scripts/totals-reporter.mjs'), '--reporter-option', `totals=${file}`];
  const mocha = join(root, 'node_modules/mocha/bin/mocha.js');
  const code = await run(process.execPath, [mocha, ...reporter, `test/${name}/**/*.test.ts`, ...mochaArguments], { limitMs, ownGroup: true });
  const totals = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
  // A run that ended badly without a failed test did not get to its end.
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  return totals;
}

const wanted = process.argv.slice(2);
const firstOther = wanted.findIndex((argument) => !suites.some(({ name }) => name === argument));
const names = firstOther === -1 ? wanted : wanted.slice(0, firstOther);
const mochaArguments = firstOther === -1 ? [] : wanted.slice(firstOther);

await prepare();
const sum = { passed: 0, failed: 0, skipped: 0 };
const scratch = mkdtempSync(join(tmpdir(), 'macula-totals-'));
try {
  for (const suite of suites) {
    if ((names.length > 0 && !names.includes(suite.name)) || !hasTests(suite.name)) continue;
    const obstacle = suite.unless?.();
    if (obstacle !== undefined) {
      progress(`test/${suite.name}: left out, ${obstacle}`);
      continue;
    }
    progress(`test/${suite.name}`);
    const totals = await runSuite(suite, mochaArguments, scratch);
    for (const key of Object.keys(sum)) sum[key] += totals[key];
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped\n`);
process.exitCode = sum.failed === 0 ? 0 : 1;
