import { createRequire } from 'node:module';
import { framed, frames, opened } from '../rpc/hyperdht.mjs';

const require = createRequire(import.meta.url);
const DHT = require('hyperdht');
const createTestnet = require('hyperdht/testnet');

// It has no publish/subscribe: every message is written to the encrypted stream of every subscriber. No topics, no signatures, no
// numbers: what is compared with is what the bytes alone cost.
export async function publisher(count) {
  const testnet = await createTestnet(3);
  const server = testnet.nodes[1].createServer();
  const streams = [];
  server.on('connection', (stream) => {
    stream.on('error', () => undefined);
    streams.push(stream);
  });
  const keyPair = DHT.keyPair();
  await server.listen(keyPair);
  return {
    address: { bootstrap: testnet.bootstrap, key: keyPair.publicKey.toString('hex') },
    publish: (payload) => {
      const frame = framed(payload);
      for (const stream of streams) stream.write(frame);
    },
    ready: async () => {
      while (streams.length < count) await new Promise((resolve) => server.once('connection', resolve));
    },
  };
}

export async function subscribe({ bootstrap, key }, onMessage) {
  const node = new DHT({ bootstrap, host: '127.0.0.1' });
  await node.fullyBootstrapped();
  const stream = await opened(node.connect(Buffer.from(key, 'hex')));
  stream.on('error', () => undefined);
  stream.on('data', frames(onMessage));
}
