import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import DHT from 'bittorrent-dht';

const sodium = createRequire(import.meta.url)('sodium-native');
const value = Buffer.alloc(64, 7);
const keyPairs = new Map();
const verify = (signature, message, publicKey) => sodium.crypto_sign_verify_detached(signature, message, publicKey);
let sent = 0;

function keyPairOf(name) {
  if (!keyPairs.has(name)) {
    const publicKey = Buffer.alloc(sodium.crypto_sign_PUBLICKEYBYTES);
    const secretKey = Buffer.alloc(sodium.crypto_sign_SECRETKEYBYTES);
    sodium.crypto_sign_seed_keypair(publicKey, secretKey, createHash('sha256').update(name).digest());
    keyPairs.set(name, { publicKey, secretKey });
  }
  return keyPairs.get(name);
}

async function start(bootstrap) {
  const node = new DHT({ bootstrap, host: '127.0.0.1', verify });
  const { socket } = node._rpc;
  const query = socket.query.bind(socket);
  socket.query = (...args) => {
    sent++;
    return query(...args);
  };
  node.listen(0, '127.0.0.1');
  await once(node, 'listening');
  return node;
}

function put(node, name) {
  const { publicKey, secretKey } = keyPairOf(name);
  const sign = (message) => {
    const signature = Buffer.alloc(sodium.crypto_sign_BYTES);
    sodium.crypto_sign_detached(signature, message, secretKey);
    return signature;
  };
  return new Promise((resolve, reject) => node.put({ k: publicKey, seq: 1, v: value, sign }, (error) => (error ? reject(error) : resolve())));
}

function get(node, name) {
  const key = createHash('sha1').update(keyPairOf(name).publicKey).digest();
  return new Promise((resolve, reject) =>
    node.get(key, { cache: false }, (error, found) => (error || !found ? reject(error ?? new Error(`${name} was not found`)) : resolve())),
  );
}

const destroy = (node) => new Promise((resolve) => node.destroy(resolve));

/** @returns {Promise<import('../../dht-workload.ts').DhtNetwork>} */
export async function startNetwork(count, doomed) {
  const first = await start(false);
  const nodes = [first];
  const bootstrap = [`127.0.0.1:${first.address().port}`];
  while (nodes.length < count + doomed) {
    const node = await start(bootstrap);
    if (!node.ready) await once(node, 'ready');
    nodes.push(node);
  }
  const alive = new Set(nodes);
  return {
    size: count,
    put: (node, name) => put(nodes[node], name),
    get: (node, name) => get(nodes[node], name),
    getCached: undefined,
    joinAndGet: async (name) => {
      const startMs = performance.now();
      const node = await start(bootstrap);
      if (!node.ready) await once(node, 'ready');
      await get(node, name);
      const tookMs = performance.now() - startMs;
      await destroy(node);
      return tookMs;
    },
    requestsSent: () => sent,
    loseSome: async () => {
      for (const node of nodes.slice(count)) {
        alive.delete(node);
        await destroy(node);
      }
    },
    close: async () => void (await Promise.all([...alive].map(destroy))),
  };
}
