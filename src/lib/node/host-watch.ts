import { readdir, readFile, statfs } from 'node:fs/promises';
import type { Clock, Timer } from '../base/clock.js';
import type { Service } from '../base/lifecycle.js';

/** What the system says of this process; undefined where it does not tell. */
export interface HostReading {
  /** Bytes this process may still write on the disk of the data directory. */
  readonly diskFreeBytes: number | undefined;
  readonly descriptors: { readonly open: number; readonly limit: number } | undefined;
  /** Datagrams the system dropped because the receive buffer of the node's socket was full, since it was bound. */
  readonly socketDrops: number | undefined;
}

export type ReadHost = (dataDir: string, udpPort: number | undefined) => Promise<HostReading>;

export interface HostWatchComponents {
  readonly clock: Clock;
  /** {@link readHost} where absent. */
  readonly read?: ReadHost;
  /** The port of the node's socket; undefined while it is not bound. */
  readonly udpPort: () => number | undefined;
  /** Datagrams dropped by the node itself, since its start. */
  readonly unwanted: () => number;
}

/** Often enough for an operator, and rare enough to cost nothing: a reading takes under a millisecond. */
const intervalMs = 10_000;

const nothing: HostReading = { diskFreeBytes: undefined, descriptors: undefined, socketDrops: undefined };

/** Looks at the system from time to time, so that health can be told without waiting for a disk. */
export class HostWatch implements Service {
  readonly #components: HostWatchComponents;
  readonly #dataDir: string;
  readonly #lost = new Rate();
  readonly #unwanted = new Rate();
  #latest = nothing;
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(components: HostWatchComponents, settings: { dataDir: string }) {
    this.#components = components;
    this.#dataDir = settings.dataDir;
  }

  /** The last reading; all unknown before the first. */
  get latest(): HostReading {
    return this.#latest;
  }

  /** Over the last interval. */
  get lostPerSecond(): number {
    return this.#lost.perSecond;
  }

  /** Over the last interval. */
  get unwantedPerSecond(): number {
    return this.#unwanted.perSecond;
  }

  /** Does not wait for the first reading: a disk that hangs must not keep a node from starting. */
  async start(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#look();
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { clock, read = readHost, udpPort, unwanted } = this.#components;
    this.#latest = await read(this.#dataDir, udpPort()).catch(() => nothing);
    if (!this.#isRunning) return;
    const nowMs = clock.nowMs();
    this.#lost.count(this.#latest.socketDrops ?? 0, nowMs);
    this.#unwanted.count(unwanted(), nowMs);
    this.#timer = clock.setTimer(intervalMs, () => void this.#look());
  }
}

/** How fast a counter rises. */
class Rate {
  #last: { readonly count: number; readonly atMs: number } | undefined;
  perSecond = 0;

  count(count: number, nowMs: number): void {
    const last = this.#last;
    // A smaller count is one that began anew.
    if (last && nowMs > last.atMs) this.perSecond = (Math.max(0, count - last.count) * 1000) / (nowMs - last.atMs);
    this.#last = { count, atMs: nowMs };
  }
}

/** Asks the system; descriptors and drops are known on Linux only. Rejects never. */
export const readHost: ReadHost = async (dataDir, udpPort) => {
  const [diskFreeBytes, descriptors, socketDrops] = await Promise.all([
    statfs(dataDir).then(({ bavail, bsize }) => bavail * bsize, () => undefined),
    readDescriptors(),
    udpPort === undefined ? undefined : readSocketDrops(udpPort),
  ]);
  return { diskFreeBytes, descriptors, socketDrops };
};

async function readDescriptors(): Promise<HostReading['descriptors']> {
  try {
    const [open, limits] = await Promise.all([readdir('/proc/self/fd'), readFile('/proc/self/limits', 'utf8')]);
    const limit = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
    return Number.isFinite(limit) ? { open: open.length, limit } : undefined;
  } catch {
    return undefined;
  }
}

/** The last column of /proc/net/udp and udp6, summed over the sockets on the port (proc(5)). */
async function readSocketDrops(port: number): Promise<number | undefined> {
  const tables = await Promise.all(['/proc/net/udp', '/proc/net/udp6'].map((path) => readFile(path, 'utf8').catch(() => '')));
  return socketDropsIn(tables.join('\n'), port);
}

/** Drops of the sockets on a port in lines of /proc/net/udp; undefined where there is no such socket. */
export function socketDropsIn(table: string, port: number): number | undefined {
  const address = new RegExp(`^\\s*\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, '0')} `);
  const drops = table.split('\n').filter((line) => address.test(line)).map((line) => Number(line.trim().split(/\s+/).at(-1)));
  return drops.length === 0 ? undefined : drops.reduce((sum, count) => sum + count, 0);
}
