import { spawnSync } from 'node:child_process';
import { NodeFarm } from '../support/node-process.js';
import { interleave, report } from './harness.js';

// From spawning `macula node start` to its ready line, beside the start of Node itself.
const farm = new NodeFarm();
let directories = 0;

async function start(name: string): Promise<number> {
  const startMs = performance.now();
  const node = await farm.start(name);
  const tookMs = performance.now() - startMs;
  await node.end();
  return tookMs;
}

function plainNode(): Promise<number> {
  const startMs = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return Promise.resolve(performance.now() - startMs);
}

await start('kept');
const result = await interleave(9, { plain: plainNode, first: () => start(`fresh${directories++}`), again: () => start('kept') });
await farm.close();
const [first, again] = [result.first - result.plain, result.again - result.plain];
await report('node-start', [
  { what: '`node -e 0`', value: result.plain, unit: 'ms' },
  { what: 'first start to the ready line (makes an identity), beyond that', value: first, unit: 'ms', ratio: `${(result.first / result.plain).toFixed(1)} × Node in all`, target: '≤ 600 ms', met: first <= 600 },
  { what: 'start with an identity, beyond that', value: again, unit: 'ms', ratio: `${(result.again / result.plain).toFixed(1)} × Node in all`, target: '≤ 600 ms', met: again <= 600 },
]);
