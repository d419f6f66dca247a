import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { MaculaNode } from '../../../../dist/lib/index.js';
import { BenchNode, bulkRate } from '../../bench-node.ts';

// Whole nodes as programs embed them; the stream is one of a session, which calls do not use.
async function started() {
  const dataDir = await mkdtemp(join(tmpdir(), 'macula-bench-'));
  const node = new MaculaNode({ dataDir, host: '127.0.0.1', quicPort: 0, metrics: false, mdns: false });
  await node.start();
  return node;
}

export async function serve() {
  const node = await started();
  await node.rpc.register('bench.echo', (args) => args);
  const sink = await BenchNode.start();
  return { nodeId: node.nodeId, port: node.listen[0].port, sinkPort: sink.port };
}

export async function connector({ nodeId, port, sinkPort }) {
  const node = await started();
  const sender = await BenchNode.start();
  await node.peers.startPeer(`macula://${nodeId}@127.0.0.1:${port}`);
  // Once it is in the routing table a call at the node dials it by itself; stopping it makes the node forget the peer.
  for (let waits = 0; node.dht.nodes().length === 0 && waits < 1000; waits++) await setTimeout(5);
  const stop = () => node.peers.stopPeer(nodeId);
  await stop();
  return async () => {
    // The first call is made at the node and connects by itself; the others go by name.
    let options = { node: nodeId };
    return {
      ask: async (body) => {
        const reply = await node.rpc.call('bench.echo', body, options);
        options = undefined;
        return reply;
      },
      bulk: async (bytes) => void (await bulkRate(await sender.dial(sinkPort), bytes)),
      close: stop,
    };
  };
}
