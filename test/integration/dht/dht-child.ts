import { DhtFixture, type ChildNode, type ChildOrder, type DhtNode } from './dht-node-fixture.js';

/** Nodes in a process of their own, so that a test can kill it. Says on stdout, a line each, who they are and what was put. */
const order = JSON.parse(process.argv[2]!) as ChildOrder;
const fixture = new DhtFixture();
const nodes: DhtNode[] = [];
for (let index = 0; index < order.nodes; index++) {
  const node = await fixture.node();
  if (order.join) await node.join(order.join);
  nodes.push(node);
}
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say(JSON.stringify(nodes.map(({ nodeId, address, identity, dataDir }): ChildNode => ({ nodeId, address, identity, dataDir }))));
const put = async (key: string): Promise<void> => {
  await nodes[0]!.dht.put(key, Buffer.from(key));
  say(key);
};
await Promise.all(Array.from({ length: order.puts }, (_, index) => put(`key-${index}`)));
// Lives until it is killed, or whoever started it is gone.
process.stdin.resume().once('end', () => process.exit());
