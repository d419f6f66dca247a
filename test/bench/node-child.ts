import type { Settings } from '../../src/lib/config/schema.js';
import { BenchNode } from './bench-node.js';
import { answerCalls } from './child-calls.js';
import { residentBytes } from './memory-use.js';

// One node in a process of its own.
let node: BenchNode;

answerCalls({
  start: async (settings: Partial<Settings>) => {
    node = await BenchNode.start(settings);
    return node.port;
  },
  dialAll: async (ports: number[]) => {
    for (const port of ports) await node.dial(port);
  },
  sessions: () => node.sessions.list().length,
  residentBytes,
});
