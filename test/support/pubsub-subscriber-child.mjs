// Nodes in a process of their own that subscribe and print, as JSON lines: ready, each message, gaps. The end of stdin stops them.
// argv: data directory, bootstrap URL, topic, how many
import { join } from 'node:path';
import { MaculaNode } from '../../dist/lib/index.js';

const [dataDir, bootstrap, topic, count] = process.argv.slice(2);
const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const nodes = [];
for (let index = 0; index < Number(count); index++) {
  const node = new MaculaNode({ dataDir: join(dataDir, String(index)), host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, maxPeers: 4, dhtBucketSize: 4, bootstrapUrl: [bootstrap] });
  nodes.push(node);
  await node.start();
  while (node.peers.countPeers().connected === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  node.pubsub.subscribe(topic, { onGap: (gap) => say({ index, gap }) }, ({ seq, qos }) => say({ index, seq, qos }));
}
say({ ready: true });
process.stdin.on('data', () => undefined).on('end', () => void Promise.all(nodes.map((node) => node.stop())).then(() => process.exit(0)));
