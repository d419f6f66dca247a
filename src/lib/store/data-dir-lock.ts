import { closeSync, openSync } from 'node:fs';
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { abortError, delay, onceAborted, withTimeout } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { errnoOf, MaculaError } from '../base/errors.js';
import { processMark, stillRuns, type ProcessMark } from './process-mark.js';
import { storeError } from './store-error.js';

/** Longest path a Unix socket address holds on every system (sun_path, less its end mark). */
const maxSocketPathBytes = 100;

/** A starter holds the mutex for a few milliseconds; longer than this and something is wrong with it. */
const mutexTimeoutMs = 5_000;

/** Several starters that cannot see each other's mutex may remove a stale lock in turn. */
const maxReclaims = 10;

/** Longer than such a starter takes from finding the lock stale to removing it. */
const settleMs = 40;

/** What node.pid says about the process that holds a data directory. */
export interface LockHolder extends ProcessMark {
  readonly version: string;
  /** Wall clock of the start, ISO 8601. */
  readonly startedAt: string;
}

export interface DataDirLock {
  /** Lets go and removes the lock's files. Idempotent. */
  release(): Promise<void>;
}

/**
 * Takes the data directory for this process. The lock is a listening Unix socket, `node.lock`: the system closes it
 * whatever way the process ends, it works between containers that share the directory, and no reused pid can fake
 * it. `node.pid` (decimal pid on its first line, {@link LockHolder} as JSON on the second) says who holds it, and
 * decides alone where the file system has no sockets.
 * @throws MaculaError MACULA_ALREADY_RUNNING (details.pid), MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED
 */
export async function lockDataDir(directory: string, { clock }: { clock: Clock }, { version }: { version: string }): Promise<DataDirLock> {
  const socket = lockSocketPath(directory);
  try {
    const server = await withStartersMutex(directory, clock, async () => {
      const listening = await listenOrReclaim(directory, socket.path, clock);
      try {
        await writePidFile(directory, { ...processMark(), version, startedAt: new Date(clock.wallMs()).toISOString() });
      } catch (error) {
        if (listening) await closeServer(listening);
        throw error;
      }
      return listening;
    });
    return new HeldLock(directory, server, socket.dispose);
  } catch (error) {
    socket.dispose();
    throw error instanceof MaculaError ? error : storeError('cannot lock the data directory', directory, error);
  }
}

/** Who node.pid names, or undefined if there is none or it makes no sense. Says nothing about whether that process lives. */
export async function readLockHolder(directory: string): Promise<LockHolder | undefined> {
  try {
    const [first, second] = (await readFile(join(directory, 'node.pid'), 'utf8')).split('\n', 2);
    const pid = Number(first);
    if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
    const rest = second ? (JSON.parse(second) as Partial<LockHolder>) : {};
    return { pid, started: rest.started, version: String(rest.version ?? ''), startedAt: String(rest.startedAt ?? '') };
  } catch {
    return undefined;
  }
}

class HeldLock implements DataDirLock {
  #released: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly server: Server | undefined,
    private readonly dispose: () => void,
  ) {}

  release(): Promise<void> {
    return (this.#released ??= this.#release());
  }

  async #release(): Promise<void> {
    await rm(join(this.directory, 'node.pid'), { force: true });
    // Closing the server also removes its socket file.
    if (this.server) await closeServer(this.server);
    this.dispose();
  }
}

/** Undefined where the file system has no sockets: node.pid alone is the lock then. */
async function listenOrReclaim(directory: string, path: string | undefined, clock: Clock): Promise<Server | undefined> {
  for (let tries = 0; tries < maxReclaims; tries++) {
    const holder = await readLockHolder(directory);
    if (holder && holder.pid !== process.pid && holder.started !== undefined && stillRuns(holder)) throw alreadyRunning(directory, holder);
    if (path === undefined) return undefined;
    const outcome = await tryListen(path);
    if (outcome === 'unsupported') return undefined;
    if (outcome !== 'taken') return tries === 0 ? outcome.unref() : stillOurs(directory, path, outcome, clock);
    // Twice, because another starter may be between bind and listen (only where the mutex does not reach).
    if ((await answers(path)) || (await answers(path))) throw alreadyRunning(directory, await readLockHolder(directory));
    await rm(path, { force: true });
  }
  throw new MaculaError('MACULA_STORE_FAILED', `cannot lock ${directory}: node.lock can be neither used nor removed`, { details: { directory } });
}

/** Where the mutex does not reach (another network namespace), a second starter may have reclaimed the same stale lock. */
async function stillOurs(directory: string, path: string, server: Server, clock: Clock): Promise<Server> {
  const ours = (await stat(path)).ino;
  await delay(clock, settleMs);
  server.unref();
  const found = await stat(path).catch(() => undefined);
  if (found?.ino === ours) return server;
  // It stays open until the process ends: closing it would remove the other's file of the same name.
  throw alreadyRunning(directory, await readLockHolder(directory));
}

function alreadyRunning(directory: string, holder: LockHolder | undefined): MaculaError {
  const who = holder ? ` (process ${holder.pid})` : '';
  return new MaculaError('MACULA_ALREADY_RUNNING', `a node already runs on ${directory}${who}`, { details: { directory, pid: holder?.pid } });
}

async function writePidFile(directory: string, holder: LockHolder): Promise<void> {
  const path = join(directory, 'node.pid');
  try {
    await writeFile(`${path}.new`, `${holder.pid}\n${JSON.stringify(holder)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  } catch (error) {
    await rm(`${path}.new`, { force: true });
    throw error;
  }
}

/**
 * Runs `work` while no other starter on this directory does. The mutex is a name in Linux's abstract socket
 * namespace, which one process can hold and the system frees; elsewhere there is none. Who finds it taken connects
 * and waits until the holder hangs up.
 */
async function withStartersMutex<T>(directory: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return work();
  const { dev, ino } = await stat(directory);
  const name = `\0macula-start-${dev}-${ino}`;
  const waiting = new Set<Socket>();
  const mutex = await withTimeout(clock, mutexTimeoutMs, `another start on ${directory}`, undefined, async (signal) => {
    while (!signal.aborted) {
      const outcome = await tryListen(name, (socket) => waiting.add(socket));
      if (outcome !== 'taken') return outcome;
      await hungUp(name, signal);
    }
    throw abortError(signal);
  });
  if (mutex === 'unsupported') return work();
  return work().finally(() => {
    const closed = closeServer(mutex);
    for (const socket of waiting) socket.destroy();
    return closed;
  });
}

/** Resolves when the holder of the mutex closes our connection, refuses it, or the signal aborts. */
function hungUp(name: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: name });
    const giveUp = (): void => void socket.destroy();
    onceAborted(signal, giveUp);
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('close', () => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    });
  });
}

/** The returned server keeps the process alive until it is closed or told not to. */
function tryListen(path: string, accept: (socket: Socket) => void = (socket) => socket.destroy()): Promise<Server | 'taken' | 'unsupported'> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      accept(socket);
    });
    server.once('error', (error) => {
      const errno = errnoOf(error);
      if (errno === 'EADDRINUSE') resolve('taken');
      else if (['EOPNOTSUPP', 'ENOTSUP', 'EPERM', 'EINVAL', 'ENOSYS'].includes(errno ?? '')) resolve('unsupported');
      else reject(error);
    });
    server.listen({ path, backlog: 64 }, () => {
      // Accept errors of a lock nobody talks to concern nobody.
      server.on('error', () => undefined);
      resolve(server);
    });
  });
}

/** Whether a process listens on the socket: a full backlog counts, refusal and absence do not. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(!['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(errnoOf(error) ?? '')));
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** The path to bind and connect; a long one goes through a descriptor of the directory, where the system offers that. */
function lockSocketPath(directory: string): { path: string | undefined; dispose: () => void } {
  const path = process.platform === 'win32' ? undefined : join(directory, 'node.lock');
  if (path === undefined || Buffer.byteLength(path) <= maxSocketPathBytes) return { path, dispose: () => undefined };
  if (process.platform !== 'linux') return { path: undefined, dispose: () => undefined };
  const descriptor = openSync(directory, 'r');
  let open = true;
  const dispose = (): void => {
    if (open) closeSync(descriptor);
    open = false;
  };
  return { path: `/proc/self/fd/${descriptor}/node.lock`, dispose };
}
