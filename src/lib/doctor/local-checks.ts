import type { MaculaError } from '../base/errors.js';
import { shellQuote } from '../identity/identity-paths.js';
import { failure, ok, warning, type Check } from './check.js';

/** Judgements about this machine: facts in, checks out. */

const MiB = 1024 * 1024;

/** Sizes as people read them: whole MiB or GiB where they are large. */
function roughly(bytes: number): string {
  if (bytes >= 10 * 1024 * MiB) return `${Math.floor(bytes / 1024 / MiB)} GiB`;
  return bytes >= MiB ? `${Math.floor(bytes / MiB)} MiB` : `${Math.floor(bytes / 1024)} KiB`;
}

export interface DirectoryFacts {
  readonly path: string;
  readonly kind: 'absent' | 'file' | 'directory' | 'hidden';
  /** Of the directory, or where it is absent of the nearest one above it: whether this user may read, write and enter it. */
  readonly usable: boolean;
  /** Permission bits; undefined where it is absent. */
  readonly mode: number | undefined;
  /** Name or number of whom it belongs to, where it is not this user. */
  readonly foreignOwner: string | undefined;
}

export function judgeDirectory({ path, kind, usable, mode, foreignOwner }: DirectoryFacts): Check {
  const id = 'data-dir';
  const quoted = shellQuote(path);
  const asOwner = foreignOwner === undefined ? `Give this user the right to write there, or choose another --data-dir.` : `Run this as that user: sudo -u ${shellQuote(foreignOwner)} macula doctor --data-dir ${quoted}`;
  if (kind === 'file') return failure(id, `${path} is not a directory`, 'Choose another --data-dir, or move the file away.');
  if (kind === 'absent' && usable) return ok(id, `${path} does not exist yet; the first start makes it`);
  if (kind === 'absent') return failure(id, `${path} does not exist, and this user may not make it`, `sudo install -d -m 700 -o "$USER" ${quoted}`);
  if (kind === 'hidden' || !usable) return failure(id, `this user may not read and write ${path}${foreignOwner === undefined ? '' : `, which belongs to ${foreignOwner}`}`, asOwner);
  if (mode !== undefined && (mode & 0o077) !== 0) return warning(id, `other users of this machine can look into ${path}, which holds the private key`, `chmod 700 ${quoted}`);
  return ok(id, `${path} is private and can be written`);
}

/** Less than this and the store takes no more writes within minutes. */
const leastFreeBytes = 16 * MiB;

export interface DiskFacts {
  readonly path: string;
  readonly freeBytes: number;
  /** What the records held for the network may grow to. */
  readonly storeBytes: number;
}

export function judgeDisk({ path, freeBytes, storeBytes }: DiskFacts): Check {
  const id = 'disk-space';
  const free = `${roughly(freeBytes)} are free for ${path}`;
  const fix = `Make room on that disk, or move the data directory: df -h ${shellQuote(path)}`;
  if (freeBytes < leastFreeBytes) return failure(id, `only ${free}: the store will not take writes`, fix);
  // The data file has old and new pages at once, and the log stands beside it.
  if (freeBytes < 2 * storeBytes) return warning(id, `only ${free}; the store may grow to ${roughly(storeBytes)} and needs as much again while it does`, fix);
  return ok(id, free);
}

/** Before the first version that has this command: a clock before it was never set. */
const earliestMs = Date.UTC(2026, 0, 1);
/** Clocks that are set by the network are within seconds; other nodes refuse records from minutes in the future. */
const aheadMs = 5 * 60_000;

export interface ClockFacts {
  readonly wallMs: number;
  /** When a file of the node was last written; undefined where there is none. */
  readonly lastWrittenMs: number | undefined;
}

export function judgeClock({ wallMs, lastWrittenMs }: ClockFacts): Check {
  const id = 'clock';
  const now = new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const fix = 'Set the clock, and let the network keep it: sudo timedatectl set-ntp true';
  if (wallMs < earliestMs) return failure(id, `the clock says ${now}, which is in the past: certificates and records of others seem to come from the future`, fix);
  if (lastWrittenMs !== undefined && lastWrittenMs - wallMs > aheadMs) {
    return warning(id, `the clock says ${now}, but the node wrote its store at ${new Date(lastWrittenMs).toISOString()}: it was set back, or is wrong now`, fix);
  }
  return ok(id, `the clock says ${now}`);
}

export interface PortFacts {
  readonly protocol: 'udp' | 'tcp';
  /** Empty: every interface. */
  readonly host: string;
  readonly port: number;
  /** Why it cannot be listened on; undefined where it can. */
  readonly error: MaculaError | undefined;
}

export function judgePort({ protocol, host, port, error }: PortFacts): Check {
  const id = protocol === 'udp' ? 'udp-port' : 'metrics-port';
  const what = `${protocol.toUpperCase()} port ${port}${host === '' ? '' : ` of ${host}`}`;
  if (port === 0) return ok(id, `any free ${protocol.toUpperCase()} port is taken at start`);
  if (error?.code === 'MACULA_PORT_IN_USE') {
    const flag = protocol === 'udp' ? '--port' : '--metrics-port';
    return failure(id, `${what} is taken by another process, so a node cannot start on it`, `See who has it: ss -${protocol[0]}lnp 'sport = :${port}'; or choose another with ${flag}.`);
  }
  if (error) return failure(id, error.message, error.hint);
  return ok(id, `${what} is free`);
}

export interface BufferFacts {
  /** What the setting socketBufferBytes asks for. */
  readonly wantedBytes: number;
  readonly receiveBytes: number;
  readonly sendBytes: number;
  readonly platform: NodeJS.Platform;
}

export function judgeBuffers({ wantedBytes, receiveBytes, sendBytes, platform }: BufferFacts): Check {
  const id = 'udp-buffers';
  const least = Math.min(receiveBytes, sendBytes);
  if (least >= wantedBytes) return ok(id, `the system grants UDP buffers of ${roughly(wantedBytes)}`);
  const fix = platform === 'linux'
    ? `sudo sysctl -w net.core.rmem_max=${wantedBytes} net.core.wmem_max=${wantedBytes}, and the same two settings in /etc/sysctl.d/macula.conf; then start the node again`
    : `Raise the system's limit for socket buffers to ${wantedBytes} bytes.`;
  return warning(id, `the system grants UDP buffers of ${roughly(least)} in place of ${roughly(wantedBytes)}: bursts are lost while the node is busy`, fix);
}

/** Sockets, store and log take about forty; clients of the control socket and of the metrics one each. */
const leastDescriptors = 128;
const comfortableDescriptors = 1024;

export interface DescriptorFacts {
  /** What the process may have open; undefined where that cannot be read. */
  readonly limit: number | undefined;
  /** What the running node has open; undefined where none runs or it belongs to somebody else. */
  readonly used: number | undefined;
}

export function judgeDescriptors({ limit, used }: DescriptorFacts): Check | undefined {
  const id = 'descriptors';
  if (limit === undefined) return undefined;
  const fix = 'Raise it where the node is started: ulimit -n 4096, or LimitNOFILE=4096 in the systemd unit.';
  if (limit < leastDescriptors) return failure(id, `only ${limit} files may be open at once, which a node may not start with`, fix);
  if (used !== undefined && used > 0.8 * limit) return warning(id, `the node has ${used} of at most ${limit} files open`, fix);
  if (limit < comfortableDescriptors) return warning(id, `only ${limit} files may be open at once`, fix);
  return ok(id, used === undefined ? `${limit} files may be open at once` : `the node has ${used} of at most ${limit} files open`);
}
