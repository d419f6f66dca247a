import type { Settings } from '../../src/lib/config/schema.js';
import { BenchNode, requestRate } from './bench-node.js';
import { answerCalls } from './child-calls.js';
import { residentBytes } from './memory-use.js';

// One node in a process of its own; started again, it is another one.
let node: BenchNode;
let isStarted = false;

answerCalls({
  start: async (settings: Partial<Settings>) => {
    if (isStarted) await node.stop();
    node = await BenchNode.start(settings);
    isStarted = true;
    return node.port;
  },
  dialAll: async (ports: number[]) => {
    for (const port of ports) await node.dial(port);
  },
  /** Asks the one peer there is a lot. */
  keepBusy: async () => {
    while (node.sessions.list().length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await requestRate(node.sessions.list()[0]!, 150_000, 64);
  },
  sessions: () => node.sessions.list().length,
  residentBytes,
});
