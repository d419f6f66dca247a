import type { Peer } from '../../src/lib/control/protocol.js';
import type { NodeProcess } from './node-process.js';

/** All samples of one metric of a running node, by the text of their labels: `reason="MACULA_…"`, or empty. */
export async function metric(node: NodeProcess, name: string): Promise<Record<string, number>> {
  const { metricsUrl } = node.ready;
  const response = await fetch(metricsUrl!.endsWith('/metrics') ? metricsUrl! : `${metricsUrl!}/metrics`);
  const samples: Record<string, number> = {};
  for (const line of (await response.text()).split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? ([-+.\deE]+)$/.exec(line);
    if (match?.[1] === name) samples[match[2] ?? ''] = Number(match[3]);
  }
  return samples;
}

/** One sample of a metric; 0 where it does not exist. */
export async function sample(node: NodeProcess, name: string, labels = ''): Promise<number> {
  return (await metric(node, name))[labels] ?? 0;
}

/** Resolves with the sample once it is as wanted; reads it again and again, within the test's own time limit. */
export async function untilSample(node: NodeProcess, name: string, labels: string, wanted: (value: number) => boolean): Promise<number> {
  for (;;) {
    const value = await sample(node, name, labels);
    if (wanted(value)) return value;
  }
}

/** Connections a node did not admit, for one reason. */
export function refusals(node: NodeProcess, code: string): Promise<number> {
  return sample(node, 'macula_sessions_refused_total', `reason="${code}"`);
}

/** Handshakes of a node by outcome, without those that never happened. */
export async function handshakes(node: NodeProcess): Promise<Record<string, number>> {
  const samples = Object.entries(await metric(node, 'macula_transport_handshakes_total')).filter(([, value]) => value > 0);
  return Object.fromEntries(samples.map(([labels, value]) => [/outcome="(.*)"/.exec(labels)![1]!, value]));
}

/** Resolves with the first peer in the node's list that is as wanted. */
export async function untilPeer(node: NodeProcess, wanted: (peer: Peer) => boolean): Promise<Peer> {
  for await (const { peers } of node.control.watchPeers()) {
    const found = peers.find(wanted);
    if (found) return found;
  }
  throw new Error(`the node ended while its peers were watched:\n${node.log.join('')}`);
}
