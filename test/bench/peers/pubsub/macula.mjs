import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { MaculaNode } from '../../../../dist/lib/index.js';

// Whole nodes as programs embed them, with default settings.
const topic = 'bench';

async function started(settings) {
  const dataDir = await mkdtemp(join(tmpdir(), 'macula-bench-'));
  const node = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false, ...settings });
  await node.start();
  return node;
}

export async function publisher(count) {
  const node = await started({});
  return {
    address: `https://127.0.0.1:${node.listen[0].port}`,
    publish: (payload) => void node.pubsub.publish(topic, payload),
    ready: async () => {
      await node.pubsub.publish(topic, '');
      while (node.pubsub.stats().subscribers < count) await wait(10);
    },
  };
}

export async function subscribe(address, onMessage) {
  const node = await started({ bootstrapUrl: [address] });
  while (node.peers.countPeers().connected === 0) await wait(10);
  await node.pubsub.ready(node.pubsub.subscribe(topic, {}, ({ payload }) => payload.length > 0 && onMessage(payload)));
}
