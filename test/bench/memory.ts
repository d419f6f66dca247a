import { readFile } from 'node:fs/promises';
import { NodeFarm } from '../support/node-process.js';
import { BenchChild } from './child-calls.js';
import { median, report } from './harness.js';

// Resident memory of one node with 1,000 peers, each a node of its own in a second process.
const connections = 1000;
const roomy = { maxConnections: 4000, maxHalfOpen: 4000, maxHalfOpenPerNetwork: 4000, maxHalfOpenPerHost: 4000, retryAboveInitialsPerSecond: 1_000_000 };
const rounds = 3;

/** Bytes a connection. */
async function perConnection(direction: 'in' | 'out'): Promise<number> {
  const node = BenchChild.start('node-child.ts');
  const port = await node.call<number>('start', roomy);
  // What a node that is in use loads, compiles and takes as a young generation is no cost of each connection.
  await crowd.call('dialOne', port);
  await node.call('keepBusy');
  const before = await node.call<number>('residentBytes');
  if (direction === 'in') await crowd.call('dialAll', port);
  else await node.call('dialAll', ports);
  const sessions = await node.call<number>('sessions');
  const after = await node.call<number>('residentBytes');
  await node.end();
  if (sessions < connections) throw new Error(`${sessions} sessions instead of ${connections}`);
  return (after - before) / connections;
}

async function idleNode(): Promise<number> {
  const farm = new NodeFarm();
  // Making an identity takes memory that a node needs once in its life.
  await (await farm.start('idle')).end();
  const node = await farm.start('idle');
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const status = await readFile(`/proc/${node.child.pid}/status`, 'utf8');
  await farm.close();
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

const crowd = BenchChild.start('crowd-child.ts');
const ports = await crowd.call<number[]>('start', connections);
const measured = { in: [] as number[], out: [] as number[], idle: [] as number[] };
for (let round = 0; round < rounds; round++) {
  measured.in.push(await perConnection('in'));
  measured.out.push(await perConnection('out'));
  measured.idle.push(await idleNode());
}
await crowd.end();
const [accepted, dialled, idle] = [median(measured.in) / 1000, median(measured.out) / 1000, median(measured.idle) / 1e6];
await report('memory', [
  { what: `each of ${connections} connections, accepted`, value: accepted, unit: 'kB', target: '≤ 60 KB', met: accepted <= 60 },
  { what: `each of ${connections} connections, dialled`, value: dialled, unit: 'kB', target: '≤ 60 KB', met: dialled <= 60 },
  { what: 'idle node (`macula node start`)', value: idle, unit: 'MB', target: '≤ 90 MB', met: idle <= 90 },
]);
