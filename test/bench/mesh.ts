import { NodeFarm, type NodeProcess } from '../support/node-process.js';
import { median, report } from './harness.js';

// Five nodes with default settings, four of which know only the first; then the first is killed and comes back.
const rounds = 3;
const formed: number[] = [];
const noticed: number[] = [];
const healed: number[] = [];

function allConnected(nodes: readonly NodeProcess[]): Promise<unknown> {
  return Promise.all(nodes.map((node) => node.untilConnectedTo(nodes.filter((other) => other !== node).map((other) => other.nodeId))));
}

for (let round = 0; round < rounds; round++) {
  const farm = new NodeFarm();
  const first = await farm.start('0');
  let startMs = performance.now();
  const others = await Promise.all([1, 2, 3, 4].map((name) => farm.start(String(name), { bootstrap: [first.url] })));
  await allConnected([first, ...others]);
  formed.push(performance.now() - startMs);
  startMs = performance.now();
  await first.end('SIGKILL');
  await allConnected(others);
  noticed.push(performance.now() - startMs);
  startMs = performance.now();
  const again = await farm.start('0', { port: first.port });
  await allConnected([again, ...others]);
  healed.push(performance.now() - startMs);
  await farm.close();
}
await report('mesh', [
  { what: 'four nodes started at once that know only a fifth, from spawn until each of the five lists the other four', value: median(formed), unit: 'ms', target: '≤ 5 s', met: median(formed) <= 5000 },
  { what: 'the first killed (-9), until the others list it no more as connected', value: median(noticed), unit: 'ms' },
  { what: 'the first started again, from spawn until each lists the other four', value: median(healed), unit: 'ms' },
]);
