import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf, MaculaError } from '../base/errors.js';
import { readPid } from './process-id.js';

/** Where a node is expected to be found. */
export interface ControlAddress {
  readonly socketPath: string;
  readonly dataDir: string;
  /** Whether the socket is somewhere else than the data directory says. */
  readonly socketGiven: boolean;
  /** Holds the node's process id on its first line. */
  readonly pidFile: string;
}

/** The error for a connection that failed or broke: no node, not ours to use, or a node that does not answer. */
export function connectionFailure(address: ControlAddress, error: unknown): MaculaError {
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
      return noNode(address, error);
    case 'EACCES':
    case 'EPERM':
      return refused(address, error);
    case 'ECONNRESET':
    case 'EPIPE':
      return notAnswering(address, 'ended the connection before it had answered');
    case 'EAGAIN':
    case 'EBUSY':
      return notAnswering(address, 'does not take new connections');
    default:
      return errnoOf(error)?.startsWith('HPE_') ? notMacula(address) : MaculaError.from(error);
  }
}

function noNode(address: ControlAddress, cause: unknown): MaculaError {
  const where = address.socketGiven ? `the control socket ${address.socketPath}` : address.dataDir;
  return new MaculaError('MACULA_NO_NODE', `no node is running for ${where}; start one with \`macula node start\``, {
    hint: 'If it runs elsewhere, say where with --data-dir or --socket.',
    details: { dataDir: address.dataDir, socket: address.socketPath },
    cause,
  });
}

function refused(address: ControlAddress, cause: unknown): MaculaError {
  const owner = ownerOf(address.socketPath) ?? ownerOf(dirname(address.socketPath));
  const whose = owner === undefined ? 'somebody else' : `user ${owner}`;
  return new MaculaError('MACULA_CONTROL_REFUSED', `the control socket ${address.socketPath} belongs to ${whose}`, {
    ...(owner !== undefined && { hint: `Run the command as that user: \`sudo -u ${owner} macula …\`.` }),
    details: { socket: address.socketPath, ...(owner !== undefined && { owner }) },
    cause,
  });
}

/** A node is there, but does not answer. */
export function notAnswering(address: ControlAddress, what: string): MaculaError {
  const pid = readPid(address.pidFile);
  const who = pid === undefined ? `the node at ${address.socketPath}` : `the node (process ${pid})`;
  return new MaculaError('MACULA_NODE_NOT_ANSWERING', `${who} ${what}`, {
    details: { socket: address.socketPath, ...(pid !== undefined && { pid }) },
  });
}

/** Something that is no node answers at the socket. */
export function notMacula(address: ControlAddress): MaculaError {
  return new MaculaError('MACULA_NODE_NOT_ANSWERING', `what answers at ${address.socketPath} is not a Macula node`, {
    hint: 'Name the control socket of a node with --socket.',
    details: { socket: address.socketPath },
  });
}

/** Name of a file's owner, or its number where the system's user list does not have it. */
function ownerOf(path: string): string | undefined {
  let uid: number;
  try {
    uid = statSync(path).uid;
  } catch {
    return undefined;
  }
  try {
    const entry = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).find((fields) => fields[2] === String(uid));
    return entry?.[0] ?? `#${uid}`;
  } catch {
    return `#${uid}`;
  }
}
