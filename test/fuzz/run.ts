import { parseArgs } from 'node:util';
import { NodeFarm } from '../support/node-process.js';
import { metric } from '../support/node-observation.js';
import { forSeconds, fuzz, growthBytes, type FuzzReport } from './fuzzer.js';

// npx tsx test/fuzz/run.ts --seed 1 --seconds 600 [--kind calls]: starts a node from the built command line and attacks it all the while.
// Exits with 1 when the node died, stopped serving, or grew beyond --max-growth-mib.
const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, seconds: { type: 'string', default: '60' }, kind: { type: 'string', default: 'anything' }, 'max-growth-mib': { type: 'string', default: '48' } },
});
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function line(report: FuzzReport): string {
  const { rounds, datagrams, frames, admitted, strangers, pings, slowestPingMs, rssBytes } = report;
  return `${rounds} rounds: ${datagrams} datagrams, ${frames} frames of ${admitted} admitted peers, ${strangers} strangers, ${pings} pings, slowest ${slowestPingMs.toFixed(0)} ms, node ${mib(rssBytes.at(-1) ?? 0)}`;
}

const farm = new NodeFarm();
try {
  const node = await farm.start('fuzzed');
  const report = await fuzz(
    { port: node.port, pid: node.child.pid! },
    { seed: Number(values.seed), kind: values.kind === 'calls' ? 'calls' : 'anything', goOn: forSeconds(Number(values.seconds)), warmUpRounds: 100, onProgress: (now) => now.rounds % 1000 === 0 && console.log(line(now)) },
  );
  const growth = growthBytes(report);
  console.log(`seed ${report.seed}, ${values.seconds} s, ${line(report)}`);
  console.log(`memory: first ${mib(report.rssBytes[0] ?? 0)}, highest ${mib(Math.max(...report.rssBytes))}, last ${mib(report.rssBytes.at(-1) ?? 0)}, growth from first to last quarter ${mib(growth)}`);
  for (const name of ['macula_transport_dropped_datagrams_total', 'macula_transport_handshakes_total', 'macula_sessions_refused_total']) {
    console.log(name, JSON.stringify(Object.fromEntries(Object.entries(await metric(node, name)).filter(([, count]) => count > 0))));
  }
  console.log(`lines in its log: ${node.log.length}${node.log.slice(-3).map((entry) => `\n  ${entry.slice(0, 300)}`).join('')}`);
  if (growth > Number(values['max-growth-mib']) * 2 ** 20) throw new Error(`the node grew by ${mib(growth)}`);
} catch (error) {
  console.error(`seed ${values.seed}: ${error instanceof Error ? error.stack : String(error)}`);
  console.error(farm.nodes.flatMap(({ log }) => log).join('\n').slice(-3000));
  process.exitCode = 1;
} finally {
  await farm.close();
}
