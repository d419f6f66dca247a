import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DhtFixture, type ChildNode, type ChildOrder, type DhtNode } from '../integration/dht/dht-node-fixture.js';
import { until } from '../integration/session/node-fixture.js';
import type { DhtNetwork } from './dht-workload.js';

const childPath = join(import.meta.dirname, '../integration/dht/dht-child.ts');
const value = Buffer.alloc(64, 7);

/** Nodes each node of a settled mesh of 50 knows at least: all of the near half, and the 20 that the far half gets. */
const settledNodes = 30;

/**
 * A mesh of real nodes with default settings on loopback: `count` in this process, and `doomed` in another one, which
 * ends by SIGKILL.
 */
export async function startDhtMesh(count: number, doomed: number): Promise<DhtNetwork> {
  const fixture = new DhtFixture();
  const nodes = await fixture.mesh(count);
  const first = nodes[0]!;
  const order: ChildOrder = { nodes: doomed, join: { nodeId: first.nodeId, address: first.address }, puts: 1 };
  const child = spawn(process.execPath, ['--import', 'tsx', childPath, JSON.stringify(order)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const children = JSON.parse(line) as ChildNode[];
  await once(lines, 'line');
  const enough = Math.min(settledNodes, count + doomed - 1);
  await until(() => nodes.every(({ dht }) => dht.nodes().length >= enough), 'the nodes know each other', 60_000);
  const read = async (node: DhtNode, name: string, fresh: boolean): Promise<void> => {
    if (!(await node.dht.get(name, { fresh }))) throw new Error(`${name} was not found`);
  };
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill('SIGKILL');
    await gone;
  };
  return {
    size: count,
    put: async (node, name) => void (await nodes[node]!.dht.put(name, value)),
    get: (node, name) => read(nodes[node]!, name, true),
    getCached: (node, name) => read(nodes[node]!, name, false),
    joinAndGet: async (name) => {
      const node = await fixture.node();
      const startMs = performance.now();
      await node.join(first);
      // Until a peer has answered it, its table is empty and every lookup ends with nothing.
      await until(() => node.dht.nodes().length > 0, 'the new node knows a node', 30_000);
      await read(node, name, true);
      const tookMs = performance.now() - startMs;
      await node.stop();
      return tookMs;
    },
    requestsSent: () => nodes.reduce((sum, { dht }) => sum + dht.stats().requestsSent, 0),
    loseSome: end,
    close: async () => {
      await end();
      await fixture.close();
      for (const { dataDir } of children) await rm(dataDir, { recursive: true, force: true });
    },
  };
}
