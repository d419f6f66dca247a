import { answerCalls } from './child-calls.js';
import { RelayBenchNode, type RelayAt } from './relay-node.js';

// A relay, or a node behind one, in a process of its own.
const bench = await RelayBenchNode.start();

answerCalls({
  at: () => ({ nodeId: bench.node.nodeId, port: bench.node.port }) satisfies RelayAt,
  reserve: (relay: RelayAt) => bench.reserve(relay),
});
