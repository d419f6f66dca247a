// UDP sockets in a network namespace, worked from a test: commands come as JSON lines on stdin, what happens goes out the
// same way on stdout (lab-udp.ts).
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const sockets = new Map();
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const commands = {
  open({ id, host, port }) {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4' });
    sockets.set(id, socket);
    socket.on('message', (bytes, from) => say({ event: 'message', id, text: bytes.toString('latin1'), host: from.address, port: from.port }));
    socket.on('error', (error) => say({ event: 'error', id, message: error.message }));
    socket.bind(port, host, () => say({ event: 'open', id, port: socket.address().port }));
  },
  send({ id, text, host, port }) {
    // A packet that cannot be sent is a packet lost.
    sockets.get(id).send(Buffer.from(text, 'latin1'), port, host, () => say({ event: 'sent', id }));
  },
  close({ id }) {
    sockets.get(id).close();
    sockets.delete(id);
  },
};

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const command = JSON.parse(line);
    commands[command.do](command);
  })
  .on('close', () => process.exit());
