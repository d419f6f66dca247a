import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const DHT = require('hyperdht');
const createTestnet = require('hyperdht/testnet');

const value = Buffer.alloc(64, 7);
const keyPairs = new Map();

function keyPairOf(name) {
  if (!keyPairs.has(name)) keyPairs.set(name, DHT.keyPair(createHash('sha256').update(name).digest()));
  return keyPairs.get(name);
}

/** @returns {Promise<import('../../dht-workload.ts').DhtNetwork>} */
export async function startNetwork(count, doomed) {
  const testnet = await createTestnet(count + doomed);
  const nodes = testnet.nodes;
  const get = async (node, name) => {
    if (!(await node.mutableGet(keyPairOf(name).publicKey))) throw new Error(`${name} was not found`);
  };
  return {
    size: count,
    put: async (node, name) => void (await nodes[node].mutablePut(keyPairOf(name), value)),
    get: (node, name) => get(nodes[node], name),
    getCached: undefined,
    joinAndGet: async (name) => {
      const startMs = performance.now();
      const node = new DHT({ ephemeral: true, bootstrap: testnet.bootstrap, host: '127.0.0.1' });
      await node.fullyBootstrapped();
      await get(node, name);
      const tookMs = performance.now() - startMs;
      await node.destroy();
      return tookMs;
    },
    requestsSent: () => nodes.slice(0, count).reduce((sum, node) => sum + node.stats.requests.total, 0),
    loseSome: async () => void (await Promise.all(nodes.slice(count).map((node) => node.destroy({ force: true })))),
    close: () => testnet.destroy(),
  };
}
