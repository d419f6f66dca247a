import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import { errnoOf, MaculaError } from '../base/errors.js';
import { makePrivateDirectory } from '../base/make-directory.js';
import { probeSocket } from './socket-probe.js';

const isPipe = (path: string): boolean => path.startsWith('\\\\.\\pipe\\');

/**
 * Makes an HTTP server listen on a Unix socket that only its owner can reach, or on a named pipe. A directory that is not there is
 * made for its owner alone; one that is keeps its mode, as others may need it. The socket of a dead process is taken over, that of a
 * live one never.
 * @throws MaculaError MACULA_ALREADY_RUNNING, MACULA_FILE_EXISTS (something else is at that path),
 * MACULA_PERMISSION_DENIED, MACULA_INVALID_CONFIG (the directory cannot be made)
 */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  try {
    if (!isPipe(path)) makePrivateDirectory(dirname(path));
    await clearStale(path);
    await bind(server, path);
    if (!isPipe(path)) chmodSync(path, 0o600);
  } catch (error) {
    throw explain(error, path);
  }
}

async function clearStale(path: string): Promise<void> {
  const state = await probeSocket(path);
  if (state === 'absent') return;
  if (state === 'live') {
    throw new MaculaError('MACULA_ALREADY_RUNNING', `a node already listens on the control socket ${path}`, {
      hint: 'Stop it with `macula node stop`, or choose another --data-dir or --socket.',
      details: { socket: path },
    });
  }
  if (!lstatSync(path).isSocket()) {
    throw new MaculaError('MACULA_FILE_EXISTS', `${path} is there and is no socket`, {
      hint: 'Move it away, or choose another path with --socket.',
      details: { socket: path },
    });
  }
  unlinkSync(path);
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => {
      server.removeListener('error', reject);
      resolve();
    };
    // Node binds within the call, so nobody else can connect before the mode is set and no other file gets this mask.
    const umask = process.umask(0o077);
    try {
      server.listen(path, listening);
    } finally {
      process.umask(umask);
    }
  });
}

function explain(error: unknown, path: string): MaculaError {
  if (error instanceof MaculaError) return error;
  const details = { socket: path };
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return new MaculaError('MACULA_ALREADY_RUNNING', `another process has just taken the control socket ${path}`, { details, cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new MaculaError('MACULA_PERMISSION_DENIED', `the control socket ${path} cannot be made: ${MaculaError.from(error).message}`, { details, cause: error });
    default:
      return new MaculaError('MACULA_INVALID_CONFIG', `the control socket ${path} cannot be made: ${MaculaError.from(error).message}`, {
        hint: 'Choose another path with --socket or MACULA_SOCKET.',
        details,
        cause: error,
      });
  }
}
