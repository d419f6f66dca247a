import type { IncomingMessage } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { Clock } from '../base/clock.js';

/** How long a client that still sends has after its answer. */
const lingerMs = 1000;

/**
 * Ends the connection of a request after its answer; where the client still sends, only once it has stopped or a second later (the
 * lingering close of web servers): closing at once would reset the connection, and a client that is just writing would lose the
 * end of its answer.
 */
export function closeLingering(request: IncomingMessage, reply: FastifyReply, clock: Clock): void {
  reply.header('connection', 'keep-alive');
  reply.raw.once('finish', () => {
    const { socket } = request;
    if (request.complete) return socket.destroySoon();
    const timer = clock.setTimer(lingerMs, () => socket.destroy());
    socket.once('close', () => timer.cancel());
    request.once('end', () => socket.destroySoon()).resume();
  });
}
