import { connect } from 'node:net';
import { errnoOf } from '../base/errors.js';

/** live: something accepts connections; stale: its process is dead; absent: there is nothing at that path. */
export type SocketState = 'live' | 'stale' | 'absent';

/**
 * Finds out by connecting whether a process listens on a Unix socket or named pipe. One whose queue is full counts
 * as live: its process is there, only stuck.
 * @throws the Node.js system error for anything else (EACCES, …)
 */
export function probeSocket(path: string): Promise<SocketState> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve('live');
    });
    socket.once('error', (error) => {
      socket.destroy();
      switch (errnoOf(error)) {
        case 'ECONNREFUSED':
        case 'ENOTSOCK':
          return resolve('stale');
        case 'ENOENT':
          return resolve('absent');
        case 'EAGAIN':
        case 'EBUSY':
        // Its process is just closing it; whoever waits for that asks again.
        case 'ECONNRESET':
          return resolve('live');
        default:
          return reject(error);
      }
    });
  });
}
