// A node in a process of its own that subscribes and prints, as JSON lines: ready, each message, gaps. Orders come on stdin.
// argv: data directory, bootstrap URL, topic
import { MaculaNode } from '../../dist/lib/index.js';

const [dataDir, bootstrap, topic] = process.argv.slice(2);
const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`);
const node = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, maxPeers: 4, dhtBucketSize: 4, bootstrapUrl: [bootstrap] });
await node.start();
while (node.peers.countPeers().connected === 0) await new Promise((resolve) => setTimeout(resolve, 20));
node.pubsub.subscribe(topic, { onGap: (gap) => say({ gap }) }, ({ seq, qos }) => say({ seq, qos }));
say({ ready: node.nodeId });
process.stdin.on('data', () => undefined).on('end', () => void node.stop().then(() => process.exit(0)));
