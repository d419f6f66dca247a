import { quiche } from '@matrixai/quic/native/index.js';
import { randomBytes, randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// Sends QUIC Initials as if each came from another host. Arguments: datagrams a second, number of source addresses. Each line of
// its input is a port of 127.0.0.1 to aim at from then on, 0 for its own sink; it answers with the number sent so far.
const [rate, sources] = [Number(process.argv[2]), Number(process.argv[3])];
const tickMs = 4;
const pooled = 200;

function initial(): Buffer {
  const config = quiche.Config.withBoringSslCtx(false, true, null, null, null, 'ed25519');
  config.setApplicationProtos(['macula/1']);
  const connection = quiche.Connection.connect(null, randomBytes(8), { host: '192.0.2.9', port: 9 }, { host: '192.0.2.8', port: 8 }, config);
  const buffer = Buffer.alloc(1200);
  const [length] = connection.send(buffer)!;
  return buffer.subarray(0, length);
}

/** Any /24 of the loopback network, so that limits by host and by network meet many of both. */
async function boundSource(): Promise<Socket> {
  const socket = createSocket('udp4');
  await once(socket.bind(0, `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`), 'listening');
  socket.on('message', () => undefined);
  return socket;
}

const initials = Array.from({ length: pooled }, initial);
const sockets = await Promise.all(Array.from({ length: sources }, boundSource));
const sink = createSocket('udp4');
await once(sink.bind(0, '127.0.0.1'), 'listening');

let port = sink.address().port;
let sent = 0;
let due = 0;
let lastMs = performance.now();
setInterval(() => {
  const nowMs = performance.now();
  // What could not be sent while this process was not running is not made up for: it would come as a burst no network delivers.
  due += (Math.min(nowMs - lastMs, 2 * tickMs) * rate) / 1000;
  lastMs = nowMs;
  for (; due >= 1; due -= 1) {
    const packet = initials[randomInt(pooled)]!;
    // A new destination id is a new connection; one in ten keeps its own and can be decrypted.
    if (randomInt(10) > 0) randomBytes(8).copy(packet, 6);
    sockets[randomInt(sources)]!.send(packet, port, '127.0.0.1');
    sent += 1;
  }
}, tickMs);

for await (const line of createInterface({ input: process.stdin })) {
  port = Number(line) || sink.address().port;
  process.stdout.write(`${sent}\n`);
}
process.exit(0);
