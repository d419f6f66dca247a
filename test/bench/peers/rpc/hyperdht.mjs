import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const DHT = require('hyperdht');
const createTestnet = require('hyperdht/testnet');

/** Frames on the encrypted stream: four bytes of length. Replies come in the order of the requests. */
export function frames(onFrame) {
  let held = Buffer.alloc(0);
  return (chunk) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let offset = 0;
    while (held.length - offset >= 4) {
      const end = offset + 4 + held.readUInt32BE(offset);
      if (end > held.length) break;
      onFrame(held.subarray(offset + 4, end));
      offset = end;
    }
    held = held.subarray(offset);
  };
}

export function framed(body) {
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  frame.set(body, 4);
  return frame;
}

export async function serve() {
  const testnet = await createTestnet(3);
  const node = testnet.nodes[1];
  const [echo, sink] = [node.createServer(), node.createServer()];
  echo.on('connection', (stream) => {
    stream.on('error', () => undefined);
    stream.on('data', frames((body) => stream.write(framed(body))));
  });
  sink.on('connection', (stream) => {
    stream.on('error', () => undefined);
    let announced = -1;
    let received = 0;
    stream.on('data', (chunk) => {
      received += chunk.length;
      if (announced < 0) announced = 8 + Number(chunk.readBigUInt64BE(0));
      if (received >= announced) stream.write(Buffer.from([1]));
    });
  });
  const keys = [DHT.keyPair(), DHT.keyPair()];
  await echo.listen(keys[0]);
  await sink.listen(keys[1]);
  return { bootstrap: testnet.bootstrap, echoKey: keys[0].publicKey.toString('hex'), sinkKey: keys[1].publicKey.toString('hex') };
}

export function opened(stream) {
  return new Promise((resolve, reject) => {
    stream.once('open', () => resolve(stream));
    stream.once('error', reject);
  });
}

export async function connector({ bootstrap, echoKey, sinkKey }) {
  const node = new DHT({ bootstrap, host: '127.0.0.1' });
  await node.fullyBootstrapped();
  return async () => {
    const stream = await opened(node.connect(Buffer.from(echoKey, 'hex')));
    stream.on('error', () => undefined);
    const waiting = [];
    stream.on('data', frames((body) => waiting.shift()(body)));
    const ask = (body) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        stream.write(framed(body));
      });
    return { ask, bulk: (bytes) => bulk(node, sinkKey, bytes), close: () => void stream.destroy() };
  };
}

async function bulk(node, sinkKey, bytes) {
  const stream = await opened(node.connect(Buffer.from(sinkKey, 'hex')));
  const done = new Promise((resolve) => stream.once('data', resolve));
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(bytes));
  stream.write(head);
  const chunk = Buffer.alloc(64 * 1024, 7);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!stream.write(chunk)) await new Promise((resolve) => stream.once('drain', resolve));
  }
  await done;
  stream.destroy();
}
