import { scenarios, type Outcome, type Scale, type ScenarioName } from './scenarios.js';

const minute = 60_000;
const scales: Readonly<Record<string, Scale>> = {
  '200': { nodes: 200, lookups: 200, values: 50, readsPerValue: 10, warmUpMs: 10 * minute, readOverMs: 20 * minute },
  '1000': { nodes: 1000, lookups: 1000, values: 100, readsPerValue: 10, warmUpMs: 10 * minute, readOverMs: 30 * minute },
  '10000': { nodes: 10_000, lookups: 300, values: 20, readsPerValue: 10, warmUpMs: minute, readOverMs: minute },
};

function row({ scenario, seed, nodes, lookups, values, bytesPerSecondPerNode, hash, note }: Outcome): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  const cells = [
    scenario, nodes, seed,
    lookups ? `${percent(lookups.right)} of ${lookups.lookups}` : '', lookups ? percent(lookups.recall) : '',
    lookups ? `${lookups.hopsMean.toFixed(2)} / ${lookups.hopsP50} / ${lookups.hopsP99}` : '', lookups?.requestsMean.toFixed(1) ?? '',
    lookups ? `${Math.round(lookups.latencyP50Ms)} / ${Math.round(lookups.latencyP99Ms)}` : '',
    values ? `${values.stored} of ${values.puts}` : '', values ? `${percent(values.found)} of ${values.gets}` : '', values?.putRequestsMean.toFixed(1) ?? '',
    values ? `${Math.round(values.putP50Ms)} / ${Math.round(values.getP50Ms)}` : '',
    Math.round(bytesPerSecondPerNode), hash, note,
  ];
  return `| ${cells.join(' | ')} |`;
}

const [sizes = '1000', names = Object.keys(scenarios).join(), seedText = '1'] = process.argv.slice(2);
console.log('| scenario | nodes | seed | lookups right | recall of the k closest | hops mean / p50 / p99 | requests a lookup | lookup p50 / p99, ms | puts stored | gets right | requests a put | put / get p50, ms | bytes/s/node | trace hash | |');
console.log(`|${'---|'.repeat(15)}`);
for (const size of sizes.split(',')) {
  const scale = scales[size];
  if (!scale) throw new Error(`no such size: ${size}; there are ${Object.keys(scales).join(', ')}`);
  for (const name of names.split(',')) console.log(row(scenarios[name as ScenarioName](scale, Number(seedText))));
}
