import { seededRandom } from '../../src/lib/base/random.js';
import { MaculaError } from '../../src/lib/index.js';
import { scriptArguments } from '../support/script-arguments.js';
import { scenarios } from './scenarios.js';
import type { Scenario } from './scenario.js';

// npm run soak [-- --minutes N] [--seed S] [NAME…]: long trials of real nodes, one after the other, all where no name is given. Those that
// can run for any time do so for N minutes each. Exits with 1 when one failed. The seed is printed, and repeats what depends on it.
interface Outcome {
  readonly scenario: Scenario;
  readonly verdict: 'passed' | 'FAILED' | 'left out';
  readonly seconds: number;
  readonly text: string;
}

const known = new Map(scenarios.map((scenario) => [scenario.name, scenario]));
const { values, words } = scriptArguments({
  command: 'npm run soak', about: 'Long trials of real nodes, one after the other, all where none is named; exits with 1 when one failed.',
  kind: 'scenario', names: Object.fromEntries(scenarios.map(({ name, about }) => [name, about])),
  options: {
    minutes: { type: 'string', default: '10', value: 'N', about: 'how long each that can run for any time does (10)' },
    seed: { type: 'string', default: String(Math.floor(performance.timeOrigin) % 1_000_000), value: 'S', about: 'repeats what depends on it; printed by each run' },
    list: { type: 'boolean', default: false, about: 'lists the scenarios' },
  },
  examples: { '--minutes 120 churn calls': 'two hours each of these', '--seed 7 crowd': 'the same losses again' },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];

async function runOne(scenario: Scenario): Promise<Outcome> {
  const obstacle = scenario.obstacle?.();
  if (obstacle !== undefined) return { scenario, verdict: 'left out', seconds: 0, text: obstacle };
  console.log(`• ${scenario.name}: ${scenario.about}`);
  const startMs = performance.now();
  const seconds = (): number => Math.round((performance.now() - startMs) / 1000);
  const progress = (text: string): void => console.log(`  ${seconds()} s: ${text}`);
  try {
    const found = await scenario.run({ seed, random: seededRandom(seed), durationMs: minutes * 60_000, progress });
    return { scenario, verdict: 'passed', seconds: seconds(), text: Object.entries(found).map(([name, value]) => `${name} ${value}`).join(', ') };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : MaculaError.from(error);
    console.error(stack);
    return { scenario, verdict: 'FAILED', seconds: seconds(), text: message.split('\n')[0]! };
  }
}

if (values.list) {
  for (const { name, about } of scenarios) console.log(`${name.padEnd(12)}${about}`);
  process.exit(0);
}
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('Error: --minutes takes a number above 0, --seed a whole one');
  process.exit(2);
}
console.log(`seed ${seed}, ${minutes} minutes for each scenario that can run for any time`);
const outcomes: Outcome[] = [];
for (const scenario of words.length > 0 ? words.map((name) => known.get(name)!) : scenarios) outcomes.push(await runOne(scenario));
console.log('');
for (const { scenario, verdict, seconds, text } of outcomes) console.log(`${verdict.padEnd(9)}${scenario.name.padEnd(12)}${String(seconds).padStart(6)} s  ${text}`);
process.exitCode = outcomes.some(({ verdict }) => verdict === 'FAILED') ? 1 : 0;
