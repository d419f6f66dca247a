import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';

// TCP, Noise, Yamux; a stream for each request, as its protocols do.
// Its newest version wants this of Node.js 22.
Promise.withResolvers ??= function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
const [echo, sink] = ['/bench/echo/1', '/bench/sink/1'];
const unlimited = { maxInboundStreams: 1_000_000, maxOutboundStreams: 1_000_000 };

/** A node with the settings of all benchmarks. @param listen its addresses @param services of libp2p, beyond its own */
export function started(listen, services = {}) {
  return createLibp2p({
    addresses: { listen },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux(unlimited)],
    connectionManager: { inboundConnectionThreshold: Infinity },
    connectionMonitor: { enabled: false },
    services,
  });
}

export async function serve() {
  const node = await started(['/ip4/127.0.0.1/tcp/0']);
  await node.handle(
    echo,
    (stream) => {
      stream.addEventListener('message', ({ data }) => {
        stream.send(data);
        void stream.close();
      });
    },
    unlimited,
  );
  await node.handle(
    sink,
    (stream) => {
      let left;
      stream.addEventListener('message', ({ data }) => {
        let bytes = data.byteLength;
        if (left === undefined) {
          left = Number(Buffer.from(data.subarray(0, 8)).readBigUInt64BE());
          bytes -= 8;
        }
        left -= bytes;
        if (left <= 0) stream.send(Uint8Array.of(1));
      });
    },
    unlimited,
  );
  return node.getMultiaddrs()[0].toString();
}

function firstMessage(stream) {
  return new Promise((resolve, reject) => {
    stream.addEventListener('message', ({ data }) => resolve({ length: data.byteLength }), { once: true });
    stream.addEventListener('close', () => reject(new Error('the stream ended without a reply')), { once: true });
  });
}

export async function connector(address) {
  const node = await started([]);
  return async () => {
    const connection = await node.dial(multiaddr(address));
    const ask = async (body) => {
      const stream = await connection.newStream(echo, unlimited);
      const reply = firstMessage(stream);
      stream.send(body);
      void stream.close();
      return reply;
    };
    return { ask, bulk: (bytes) => bulk(connection, bytes), close: () => connection.close() };
  };
}

async function bulk(connection, bytes) {
  const stream = await connection.newStream(sink, unlimited);
  const done = firstMessage(stream);
  const head = Buffer.alloc(8);
  head.writeBigUInt64BE(BigInt(bytes));
  stream.send(head);
  const chunk = new Uint8Array(64 * 1024).fill(7);
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (!stream.send(chunk)) await stream.onDrain();
  }
  await done;
  await stream.close();
}
