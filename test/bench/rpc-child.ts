import type { MaculaNode } from '../../src/lib/index.js';
import { answerCalls } from './child-calls.js';
import { rpcNode } from './rpc-node.js';

// A node with everything a node has, in a process of its own, that serves `bench.echo`.
let node: MaculaNode;

answerCalls({
  start: async () => {
    node = await rpcNode([]);
    await node.rpc.register('bench.echo', (args) => args);
    await node.rpc.register('bench.values', async function* ({ count, bytes }: { count: number; bytes: number }) {
      const value = Buffer.alloc(bytes, 7);
      for (let n = 0; n < count; n++) yield value;
    });
    return { port: node.listen[0]!.port, nodeId: node.nodeId };
  },
});
