import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaculaNode } from '../../src/lib/index.js';

/** A started node on loopback in a fresh data directory under the system's temporary one. */
export async function rpcNode(bootstrapUrl: readonly string[]): Promise<MaculaNode> {
  const node = new MaculaNode({ dataDir: await mkdtemp(join(tmpdir(), 'macula-bench-')), host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, bootstrapUrl: [...bootstrapUrl] });
  await node.start();
  return node;
}
