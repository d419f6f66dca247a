import { BenchNode } from './bench-node.js';
import { answerCalls } from './child-calls.js';

// Many nodes in one process: a peer has one session with each other node, so many sessions need many nodes.
const nodes: BenchNode[] = [];

answerCalls({
  start: async (count: number) => {
    for (let started = 0; started < count; started++) nodes.push(await BenchNode.start({ socketBufferBytes: 65_536 }));
    return nodes.map((node) => node.port);
  },
  dialOne: async (port: number) => {
    const node = await BenchNode.start();
    await node.dial(port);
  },
  dialAll: async (port: number) => {
    for (const node of nodes) await node.dial(port);
  },
});
