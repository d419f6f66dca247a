// A chat without a server. What is typed goes to everybody in the room, acknowledged; the end of the input (Ctrl-D) leaves it.
// The first:   node --import tsx examples/chat.ts NAME DIRECTORY
// The others:  node --import tsx examples/chat.ts NAME DIRECTORY https://HOST:PORT   (the address that the first prints)
import { createInterface } from 'node:readline';
import { MaculaNode } from 'macula';

const [name = 'somebody', dataDir = 'chat-data', bootstrap] = process.argv.slice(2);
const room = 'chat.lobby';

const node = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, mdns: false, metrics: false, realm: 'chat', ...(bootstrap === undefined ? {} : { bootstrapUrl: [bootstrap] }) });
await node.start();
if (bootstrap !== undefined) await node.peers.startPeer(bootstrap);

const subscription = node.pubsub.subscribe(room, {}, ({ payload, publisher }) => {
  if (publisher === node.nodeId) return;
  const { from, text } = JSON.parse(Buffer.from(payload).toString('utf8')) as { from: string; text: string };
  console.log(`${from}: ${text}`);
});
await node.pubsub.ready(subscription);
console.log(`in the room; others join with https://127.0.0.1:${node.listen[0]!.port}`);

for await (const text of createInterface({ input: process.stdin })) {
  const { subscribers, delivered } = await node.pubsub.publish(room, JSON.stringify({ from: name, text }), { qos: 1 });
  // This node itself is one of them.
  console.log(subscribers === 1 ? '(nobody else is here)' : `(read by ${delivered - 1} of ${subscribers - 1})`);
}
await node.stop();
