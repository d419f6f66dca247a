import { createSocket } from 'node:dgram';
import { once } from 'node:events';

// Raw UDP echo: what anything over UDP costs at the least. Replies come in the order of the requests on loopback.
async function bound() {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20, lookup: (host, _options, callback) => callback(null, host, 4) });
  const listening = once(socket, 'listening');
  socket.bind(0, '127.0.0.1');
  await listening;
  return socket;
}

export async function serve() {
  const socket = await bound();
  socket.on('message', (message, { port, address }) => socket.send(message, port, address));
  return socket.address().port;
}

export function connector(port) {
  return async () => {
    const socket = await bound();
    const waiting = [];
    socket.on('message', (message) => waiting.shift()(message));
    const ask = (body) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        socket.send(body, port, '127.0.0.1');
      });
    return { ask, close: () => socket.close() };
  };
}
