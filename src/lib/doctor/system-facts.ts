import { createSocket } from 'node:dgram';
import { constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { errnoOf, MaculaError } from '../base/errors.js';
import { openUdpSocket } from '../transport/udp-socket.js';
import type { BufferFacts, DescriptorFacts, DirectoryFacts, DiskFacts, PortFacts } from './local-checks.js';

/** Looks at this machine. Nothing is changed: sockets are closed again at once. */

const usable = constants.R_OK | constants.W_OK | constants.X_OK;

/** The path itself, or the nearest one above it that exists. */
async function nearestExisting(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    if (dirname(current) === current || (await stat(current).then(() => true, () => false))) return current;
  }
}

function isUsable(path: string): Promise<boolean> {
  return access(path, usable).then(() => true, () => false);
}

/** Name of a user, or its number where the system's list does not have it. */
function userName(uid: number): string {
  try {
    const entry = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':')).find((fields) => fields[2] === String(uid));
    return entry?.[0] ?? `#${uid}`;
  } catch {
    return `#${uid}`;
  }
}

export async function directoryFacts(path: string): Promise<DirectoryFacts> {
  const unknown = { path, mode: undefined, foreignOwner: undefined };
  try {
    const found = await stat(path);
    const foreignOwner = found.uid === process.getuid?.() ? undefined : userName(found.uid);
    return { path, kind: found.isDirectory() ? 'directory' : 'file', usable: await isUsable(path), mode: found.mode & 0o777, foreignOwner };
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        return { ...unknown, kind: 'absent', usable: await isUsable(await nearestExisting(path)) };
      case 'ENOTDIR':
        return { ...unknown, kind: 'file', usable: false };
      default:
        return { ...unknown, kind: 'hidden', usable: false };
    }
  }
}

/** undefined where the system does not tell. */
export async function diskFacts(path: string, storeBytes: number): Promise<DiskFacts | undefined> {
  try {
    const { bavail, bsize } = await statfs(await nearestExisting(path));
    return { path, storeBytes, freeBytes: bavail * bsize };
  } catch {
    return undefined;
  }
}

/** When the node last wrote its store, milliseconds since the Unix epoch; undefined where it never did. */
export function lastWrittenMs(dataDir: string): number | undefined {
  try {
    return statSync(join(dataDir, 'store', 'data.mdb')).mtimeMs;
  } catch {
    return undefined;
  }
}

/** Permission bits of a file; undefined where it cannot be looked at. */
export function modeOf(path: string): number | undefined {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return undefined;
  }
}

export async function udpPortFacts(host: string, port: number): Promise<PortFacts> {
  const facts = { protocol: 'udp', host, port } as const;
  try {
    const socket = await openUdpSocket({ host, port, bufferBytes: 64 * 1024 });
    await socket.close();
    return { ...facts, error: undefined };
  } catch (error) {
    return { ...facts, error: MaculaError.from(error) };
  }
}

export function tcpPortFacts(host: string, port: number): Promise<PortFacts> {
  const facts = { protocol: 'tcp', host, port } as const;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (cause) => resolve({ ...facts, error: listenError(host, port, cause) }));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve({ ...facts, error: undefined })));
  });
}

function listenError(host: string, port: number, cause: Error): MaculaError {
  const details = { host, port };
  if (errnoOf(cause) === 'EADDRINUSE') return new MaculaError('MACULA_PORT_IN_USE', `TCP port ${port} is in use`, { details, cause });
  return new MaculaError('MACULA_PERMISSION_DENIED', `metrics cannot be served on ${host} port ${port}: ${cause.message}`, { details, cause, hint: 'Choose another with MACULA_METRICS_HOST and --metrics-port.' });
}

/** What the system grants a UDP socket that asks for so much; undefined where no socket can be opened. */
export function bufferFacts(wantedBytes: number): Promise<BufferFacts | undefined> {
  // Linux doubles what it grants for its own bookkeeping, and says the double (socket(7)).
  const share = process.platform === 'linux' ? 2 : 1;
  return new Promise((resolve) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: wantedBytes, sendBufferSize: wantedBytes });
    socket.once('error', () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind(0, '127.0.0.1', () => {
      const facts = { wantedBytes, receiveBytes: socket.getRecvBufferSize() / share, sendBytes: socket.getSendBufferSize() / share, platform: process.platform };
      socket.close(() => resolve(facts));
    });
  });
}

/** @param pid of the running node; undefined for the limits a node started here would have */
export function descriptorFacts(pid: number | undefined): DescriptorFacts {
  const limits = textOf(`/proc/${pid ?? 'self'}/limits`) ?? textOf('/proc/self/limits');
  const limit = Number(/^Max open files\s+(\d+)/m.exec(limits ?? '')?.[1] ?? NaN);
  return { limit: Number.isNaN(limit) ? undefined : limit, used: pid === undefined ? undefined : entriesOf(`/proc/${pid}/fd`) };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function entriesOf(path: string): number | undefined {
  try {
    return readdirSync(path).length;
  } catch {
    return undefined;
  }
}
