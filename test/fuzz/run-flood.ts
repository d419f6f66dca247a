import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { metric } from '../support/node-observation.js';
import { NodeFarm } from '../support/node-process.js';
import { connectHonestPeer } from './honest-peer.js';
import { InitialFlood, pingRate } from './initial-flood.js';

// npx tsx test/fuzz/run-flood.ts --rate 10000 --sources 1000 --rounds 10: what a flood of spoofed Initials leaves a connected peer.
// The flood is sent all the while, in turn to a sink and to the node, so that its own cost does not count.
const { values } = parseArgs({
  options: { rate: { type: 'string', default: '10000' }, sources: { type: 'string', default: '1000' }, rounds: { type: 'string', default: '10' } },
});
const roundMs = 1000;
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;

/** Processor time a process has used, milliseconds (proc(5): fields 14 and 15, in ticks of 10 ms). */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Datagrams the system dropped as a socket's buffer was full, on all sockets (proc(5): Udp RcvbufErrors). */
function droppedBySystem(): number {
  const lines = readFileSync('/proc/net/snmp', 'latin1').split('\n').filter((line) => line.startsWith('Udp: '));
  return Number(lines[1]!.split(' ')[lines[0]!.split(' ').indexOf('RcvbufErrors')]);
}

const farm = new NodeFarm();
const flood = new InitialFlood(Number(values.rate), Number(values.sources));
try {
  const node = await farm.start('flooded');
  const honest = await connectHonestPeer(node.port);
  const rates = { calm: [] as number[], flooded: [] as number[] };
  const cost = { calm: [] as number[], flooded: [] as number[] };
  const dropped = [] as number[];
  const pid = node.child.pid!;
  const measured = async (kind: 'calm' | 'flooded'): Promise<void> => {
    const startMs = cpuMs(pid);
    const rate = await pingRate(honest.session, roundMs);
    rates[kind].push(rate);
    cost[kind].push(((cpuMs(pid) - startMs) * 1000) / rate);
  };
  let aimed = 0;
  await flood.aim(0);
  // Both processes compile what they run often.
  await pingRate(honest.session, 4 * roundMs);
  for (let round = 0; round < Number(values.rounds); round += 1) {
    await measured('calm');
    const droppedBefore = droppedBySystem();
    const before = await flood.aim(node.port);
    await measured('flooded');
    dropped.push(droppedBySystem() - droppedBefore);
    aimed += (await flood.aim(0)) - before;
  }
  const newcomer = await connectHonestPeer(node.port);
  await newcomer.stop();
  await honest.stop();
  const [calm, flooded] = [median(rates.calm), median(rates.flooded)];
  console.log(`${(aimed / Number(values.rounds)).toFixed(0)} Initials a second from ${values.sources} addresses: ${calm.toFixed(0)} requests a second without, ${flooded.toFixed(0)} with the flood, ratio ${(flooded / calm).toFixed(3)}`);
  console.log(`ratios by round: ${rates.flooded.map((rate, round) => (rate / rates.calm[round]!).toFixed(2)).join(' ')}`);
  console.log(`processor time of the node for a request: ${median(cost.calm).toFixed(1)} µs without, ${median(cost.flooded).toFixed(1)} µs with the flood, ratio ${(median(cost.calm) / median(cost.flooded)).toFixed(3)}`);
  console.log(`datagrams the system dropped by round, the flood's and the peer's: ${dropped.join(' ')}`);
  for (const name of ['macula_transport_retries_sent_total', 'macula_transport_dropped_datagrams_total', 'macula_transport_handshakes_total', 'macula_transport_half_open_handshakes']) {
    console.log(name, JSON.stringify(Object.fromEntries(Object.entries(await metric(node, name)).filter(([, count]) => count > 0))));
  }
} finally {
  await flood.stop();
  await farm.close();
}
