import type { MaculaNode } from '../../src/lib/index.js';
import { answerCalls } from './child-calls.js';
import { rpcNode } from './rpc-node.js';

// A node with everything a node has, in a process of its own, that serves `bench.echo`.
let node: MaculaNode;

answerCalls({
  start: async () => {
    node = await rpcNode([]);
    await node.rpc.register('bench.echo', (args) => args);
    return { port: node.listen[0]!.port, nodeId: node.nodeId };
  },
});
