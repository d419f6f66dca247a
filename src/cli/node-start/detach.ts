import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '../../lib/base/clock.js';
import { errnoOf, MaculaError, type ErrorJson } from '../../lib/base/errors.js';
import { makePrivateDirectory } from '../../lib/base/make-directory.js';
import { storeError } from '../../lib/store/store-error.js';
import type { NodeReadyInfo } from '../../lib/node/run-node.js';

export interface DetachSettings {
  /** Path of the script that is the command line. */
  readonly bin: string;
  /** Arguments of `macula` that start the node in the foreground with --json. */
  readonly args: readonly string[];
  /** Takes what the node writes to stdout and stderr; appended to. */
  readonly logFile: string;
  readonly timeoutMs: number;
}

const pollMs = 50;

/** Appended to, made where absent, and never followed to where a link leads, which somebody else may have put there. Windows has no such links. */
const logFlags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

/**
 * Starts a node in a process of its own that outlives this one, and resolves once it is ready.
 * @throws MaculaError the node's own error if it ends before, MACULA_TIMED_OUT, MACULA_ABORTED; the process is ended then;
 * MACULA_PERMISSION_DENIED or MACULA_STORE_FAILED when the log cannot be written
 */
export async function startDetached(settings: DetachSettings, signal: AbortSignal): Promise<NodeReadyInfo & { pid: number }> {
  const log = openLog(settings.logFile);
  const reader = new LogReader(log);
  const child = spawn(process.execPath, [settings.bin, ...settings.args], { detached: true, stdio: ['ignore', log, log] });
  try {
    const info = await untilReady(child, reader, settings, signal);
    child.unref();
    return { ...info, pid: child.pid! };
  } catch (error) {
    child.kill();
    throw error;
  } finally {
    closeSync(log);
  }
}

function openLog(path: string): number {
  const directory = dirname(path);
  try {
    makePrivateDirectory(directory);
    const log = openSync(path, logFlags, 0o600);
    // Also shows whether there is room: on a full disk the node could not even say why it ended.
    writeSync(log, `${JSON.stringify({ level: 'info', time: new Date(systemClock.wallMs()).toISOString(), pid: process.pid, msg: 'starting a node in the background' })}\n`);
    return log;
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw new MaculaError('MACULA_PERMISSION_DENIED', `${path} is a link, and the node's log is not written through one`, { details: { path }, hint: 'Remove the link. For a log elsewhere, start the node without --detach and redirect its output.' });
    throw storeError("cannot write the node's log", directory, error);
  }
}

function untilReady(child: ChildProcess, reader: LogReader, settings: DetachSettings, signal: AbortSignal): Promise<NodeReadyInfo> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      clearInterval(poll);
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      outcome();
    };
    const onAbort = (): void => settle(() => reject(signal.reason));
    const poll = setInterval(() => {
      const ready = reader.find('ready');
      if (ready) settle(() => resolve(ready as unknown as NodeReadyInfo));
    }, pollMs);
    const timer = setTimeout(() => settle(() => reject(notReady(settings))), settings.timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', (code, name) => settle(() => reject(endedEarly(reader, code ?? name, settings))));
  });
}

function notReady({ timeoutMs, logFile }: DetachSettings): MaculaError {
  return new MaculaError('MACULA_TIMED_OUT', `the node was not ready within ${timeoutMs} ms and was ended`, {
    hint: `Its log is ${logFile}.`,
    details: { logFile, timeoutMs },
  });
}

function endedEarly(reader: LogReader, how: number | string | null, { logFile }: DetachSettings): MaculaError {
  const last = reader.find('error');
  if (last) return MaculaError.fromJSON(last.error as ErrorJson);
  return new MaculaError('MACULA_UNEXPECTED', `the node ended (${how}) before it was ready`, { hint: `Its log is ${logFile}.`, details: { logFile } });
}

/** Reads the lines a process appends to a file. */
class LogReader {
  readonly #file: number;
  #offset: number;
  #rest = '';
  readonly #objects: Record<string, unknown>[] = [];

  constructor(file: number) {
    this.#file = file;
    this.#offset = fstatSync(file).size;
  }

  /** The ready object or the error object among the lines written since the start, if it is there. */
  find(what: 'ready' | 'error'): Record<string, unknown> | undefined {
    this.#read();
    return this.#objects.find((object) => (what === 'ready' ? object.event === 'ready' : object.schemaVersion === 1 && 'error' in object));
  }

  #read(): void {
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      const length = readSync(this.#file, buffer, 0, buffer.length, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      this.#rest += buffer.toString('utf8', 0, length);
    }
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) if (line.startsWith('{')) this.#parse(line);
  }

  #parse(line: string): void {
    try {
      this.#objects.push(JSON.parse(line) as Record<string, unknown>);
    } catch {
      // A line that only looks like JSON is part of some message.
    }
  }
}
