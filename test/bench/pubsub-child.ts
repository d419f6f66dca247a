import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaculaNode } from '../../src/lib/index.js';
import { answerCalls } from './child-calls.js';

// Subscribers in a process of their own. Latencies are by the machine's one clock, which both processes read.
interface Subscribers {
  readonly nodes: MaculaNode[];
  received: number;
  latencies: number[];
  awaited: { count: number; done: () => void } | undefined;
}
const crowds = new Map<string, Subscribers>();

answerCalls({
  start: async ({ topic, subscribers, bootstrap }: { topic: string; subscribers: number; bootstrap: string }) => {
    const crowd: Subscribers = { nodes: [], received: 0, latencies: [], awaited: undefined };
    crowds.set(topic, crowd);
    for (let count = 0; count < subscribers; count++) {
      const node = new MaculaNode({ dataDir: await mkdtemp(join(tmpdir(), 'macula-bench-')), host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, realm: topic, bootstrapUrl: [bootstrap] });
      await node.start();
      while (node.peers.countPeers().connected === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      node.pubsub.subscribe(topic, {}, ({ payload }) => {
        crowd.received++;
        crowd.latencies.push(performance.timeOrigin + performance.now() - Buffer.from(payload.buffer, payload.byteOffset, 8).readDoubleBE(0));
        if (crowd.awaited && crowd.received >= crowd.awaited.count) crowd.awaited.done();
      });
      crowd.nodes.push(node);
    }
  },
  /** Forgets what came before. */
  reset: (topic: string) => {
    const crowd = crowds.get(topic)!;
    crowd.received = 0;
    crowd.latencies = [];
  },
  /** Resolves when so many messages came in all. */
  received: async ({ topic, count }: { topic: string; count: number }) => {
    const crowd = crowds.get(topic)!;
    if (crowd.received < count) await new Promise<void>((done) => (crowd.awaited = { count, done }));
    crowd.awaited = undefined;
    return crowd.latencies;
  },
  stop: async (topic: string) => {
    for (const node of crowds.get(topic)!.nodes) {
      await node.stop();
      await rm(node.settings.dataDir, { recursive: true, force: true });
    }
  },
});
