import { answerCalls } from './child-calls.js';
import { loopbackSocket } from './udp-echo.js';

const socket = await loopbackSocket();
socket.on('message', (packet, from) => socket.send(packet, 0, packet.length, from.port, from.address));
answerCalls({ port: () => socket.address().port });
