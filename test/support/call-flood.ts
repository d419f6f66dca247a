import { MaculaError, MaculaNode } from '../../src/lib/index.js';
import { NodeFarm, type NodeProcess } from './node-process.js';
import { growthOf, residentBytes } from './process-memory.js';

export interface FloodReport {
  rounds: number;
  answered: number;
  /** Refused with a typed error before they ran. */
  refused: number;
  /** Resident memory of the node that is called, after each round, bytes. */
  readonly rssBytes: number[];
}

/**
 * Makes many calls at once through an embedded node to a node in a process of its own, again and again.
 * @throws Error when one was neither answered right nor refused, or something is left pending
 */
export async function floodWithCalls(callsAtOnce: number, goOn: (rounds: number) => boolean, onRound?: (report: FloodReport) => void): Promise<FloodReport> {
  const farm = new NodeFarm();
  const report: FloodReport = { rounds: 0, answered: 0, refused: 0, rssBytes: [] };
  let client: MaculaNode | undefined;
  try {
    const server = await farm.start('server', { env: { MACULA_HOST: '127.0.0.1' } });
    client = new MaculaNode({ dataDir: await farm.dataDir('client'), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, bootstrapUrl: [server.url] });
    await client.start();
    await client.rpc.call('macula.echo', 0, { node: server.nodeId, timeoutMs: 50_000 });
    while (goOn(report.rounds)) {
      await oneRound(client, server, callsAtOnce, report);
      onRound?.(report);
    }
    const { procedures } = await server.control.rpcList();
    const echo = procedures.find(({ name }) => name === 'macula.echo')!;
    if (echo.running > 0) throw new Error(`${echo.running} calls are still served`);
    return report;
  } finally {
    await client?.stop();
    await farm.close();
  }
}

async function oneRound(client: MaculaNode, server: NodeProcess, callsAtOnce: number, report: FloodReport): Promise<void> {
  const call = (value: number): Promise<string> => client.rpc.call('macula.echo', value, { node: server.nodeId, timeoutMs: 50_000 }).then((result) => (result === value ? 'right' : 'wrong'), (error: unknown) => MaculaError.from(error).code);
  for (const outcome of await Promise.all(Array.from({ length: callsAtOnce }, (_, value) => call(value)))) {
    if (outcome === 'right') report.answered++;
    else if (outcome === 'MACULA_OVERLOADED') report.refused++;
    else throw new Error(`a call came to ${outcome}`);
  }
  const { running } = client.rpc.stats().calls;
  if (running > 0) throw new Error(`${running} calls are left pending`);
  report.rounds++;
  report.rssBytes.push(await residentBytes(server.child.pid!));
}

/** Growth of the called node's memory from the first rounds to the last, bytes. */
export function floodGrowthBytes({ rssBytes }: FloodReport): number {
  return growthOf(rssBytes);
}
