import { join } from 'node:path';
import { MaculaError, MaculaNode } from '../../src/lib/index.js';
import type { RandomSource } from '../../src/lib/base/random.js';
import { NodeFarm, type NodeProcess } from './node-process.js';
import { growthOf, residentBytes } from './process-memory.js';

export interface ChurnOptions {
  readonly random: RandomSource;
  /** Called before each round with the rounds done; false ends the churn. */
  readonly goOn: (rounds: number) => boolean;
  /** Rounds until memory counts as warm. */
  readonly warmUpRounds: number;
  readonly onRound?: (report: ChurnReport) => void;
}

export interface ChurnReport {
  rounds: number;
  /** Nodes that came and went. */
  visitors: number;
  calls: number;
  messages: number;
  /** Resident memory of the node that stays, by round, bytes, from the end of the warm-up on. */
  readonly rssBytes: number[];
}

const visitorsAtOnce = 3;
const callsEach = 20;
const messagesEach = 10;
/** Programs at the control socket of the node that stays, each round. */
const programs = 2;

/**
 * A node that stays, and others that come, call, serve, publish, subscribe, store and go. Everything they do must succeed as long as
 * they are there.
 * @throws Error at the first that does not
 */
export async function churn(options: ChurnOptions): Promise<ChurnReport> {
  const farm = new NodeFarm();
  const report: ChurnReport = { rounds: 0, visitors: 0, calls: 0, messages: 0, rssBytes: [] };
  try {
    const stays = await farm.start('stays', { env: { MACULA_HOST: '127.0.0.1' } });
    while (options.goOn(report.rounds)) {
      await Promise.all(Array.from({ length: visitorsAtOnce }, (_, index) => visit(stays, farm, `visitor${index}`, options.random, report)));
      await usePrograms(stays);
      report.rounds++;
      if (report.rounds > options.warmUpRounds) report.rssBytes.push(await residentBytes(stays.child.pid!));
      options.onRound?.(report);
    }
    if (stays.warnings.length > 0) throw new Error(stays.warnings.join('\n'));
    return report;
  } finally {
    await farm.close();
  }
}

/** Growth of the memory of the node that stays, bytes. */
export function churnGrowthBytes({ rssBytes }: ChurnReport): number {
  return growthOf(rssBytes);
}

async function visit(stays: NodeProcess, farm: NodeFarm, name: string, random: RandomSource, report: ChurnReport): Promise<void> {
  // Every other one has a new identity, so that what is remembered of peers grows to its bounds.
  const dataDir = await farm.dataDir(join('visitors', random.float() < 0.5 ? name : `${name}-${report.rounds}`));
  const visitor = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, bootstrapUrl: [stays.url], dhtLeaveMs: 100, pubsubDiscoveryMs: 500 });
  report.visitors++;
  const procedure = `visit.${report.visitors}`;
  try {
    await visitor.start();
    while (!visitor.peers.listPeers().some(({ nodeId, state }) => nodeId === stays.nodeId && state === 'connected')) await new Promise((resolve) => setTimeout(resolve, 10));
    await visitor.rpc.register(procedure, (args) => args);
    visitor.pubsub.subscribe('churn.>', {}, () => void report.messages++);
    await Promise.all(Array.from({ length: callsEach }, async (_, value) => {
      const result = await visitor.rpc.call('macula.echo', value, { node: stays.nodeId, timeoutMs: 30_000 });
      if (result !== value) throw new Error(`${value} was echoed as ${String(result)}`);
      report.calls++;
    }));
    const back = await stays.control.rpcCall({ procedure, args: name, node: visitor.nodeId!, timeoutMs: 30_000 });
    if (back.result !== name) throw new Error(`${name} came back as ${String(back.result)}`);
    await Promise.all(Array.from({ length: messagesEach }, (_, index) => visitor.pubsub.publish(`churn.${random.integer(3)}`, String(index))));
    await visitor.dht.put(`churn.${random.integer(100)}`, random.bytes(200), { minReplicas: 1 }).catch((error: unknown) => {
      // Visitors write to the same keys at once: a newer record than one's own is no failure.
      if (MaculaError.from(error).code !== 'MACULA_STALE_SEQUENCE') throw error;
    });
  } finally {
    await visitor.stop();
  }
}

/** Programs that come to the control socket, and are gone in the middle of what they asked for. */
async function usePrograms(stays: NodeProcess): Promise<void> {
  await Promise.all(Array.from({ length: programs }, async (_, index) => {
    const leave = new AbortController();
    for await (const event of stays.control.pubsubSubscribe({ topic: `program.${index}` }, leave.signal)) {
      if (event.event === 'subscribed') break;
    }
    leave.abort();
    await stays.control.rpcList();
  }));
}
