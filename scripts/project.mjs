// What start.mjs, test.mjs and build.mjs share: finding out what is current, running steps one process at a time.
// Only what Node itself has may be imported here: nothing is installed yet on a fresh clone.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { join, resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '..');
const stampDirectory = join(root, '.stamp');
const lockDirectory = join(stampDirectory, 'lock');
/** Longer than an installation on a slow line; whoever holds the lock longer than that hangs. */
const lockTimeoutMs = 15 * 60_000;

/** One line about what goes on, on stderr. */
export function progress(text) {
  process.stderr.write(`• ${text}\n`);
}

/** Hash of files and of all files below directories, by path and content. */
export function hashOf(paths) {
  const hash = createHash('sha256').update(process.version);
  const add = (path) => {
    const full = join(root, path);
    if (!existsSync(full)) return;
    if (statSync(full).isDirectory()) for (const name of readdirSync(full).sort()) add(join(path, name));
    else hash.update(`${path}\0`).update(readFileSync(full)).update('\0');
  };
  for (const path of paths) add(path);
  return hash.digest('hex');
}

/** Whether a step was done for exactly this hash and what it made is there. */
export function isCurrent(step, hash, products) {
  const stamp = join(stampDirectory, step);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hash && products.every((path) => existsSync(join(root, path)));
}

export function markCurrent(step, hash) {
  mkdirSync(stampDirectory, { recursive: true });
  writeFileSync(join(stampDirectory, step), hash);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function tryLock() {
  mkdirSync(stampDirectory, { recursive: true });
  try {
    mkdirSync(lockDirectory);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  }
  writeFileSync(join(lockDirectory, 'pid'), String(process.pid));
  return true;
}

/** A lock whose owner is gone, or that never got an owner within a second, is left over. */
function removeStaleLock() {
  const pidFile = join(lockDirectory, 'pid');
  try {
    const stale = existsSync(pidFile) ? !isAlive(Number(readFileSync(pidFile, 'utf8'))) : Date.now() - statSync(lockDirectory).mtimeMs > 1000;
    if (stale) rmSync(lockDirectory, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/** Runs `work` while no other start, test or build of this clone installs or builds. */
export async function withLock(work) {
  const deadline = Date.now() + lockTimeoutMs;
  let told = false;
  while (!tryLock()) {
    removeStaleLock();
    if (!told) progress('waiting for another installation or build of this clone');
    told = true;
    if (Date.now() > deadline) throw new Error(`another process holds ${lockDirectory}; remove it if that process is gone`);
    await sleep(200);
  }
  const release = () => rmSync(lockDirectory, { recursive: true, force: true });
  // A step that fails ends this process at once.
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * Runs a program in the root directory and resolves with its exit code (128 + number when a signal ended it). Signals
 * are handed on, except a Ctrl-C at the terminal, which reaches the program by itself.
 * @param options those of spawn; `limitMs`: a program that runs longer is ended, with 124; `ownGroup`: the program and
 * all it starts are a process group, so that nothing of it is left when it is ended
 *
 * A signal sent to npm alone ends the shell between npm and this process and goes no further; so the program is ended as
 * by SIGTERM when this process has lost its parent.
 */
export function run(command, args, { limitMs, ownGroup = false, ...options } = {}) {
  return new Promise((resolveCode, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', detached: ownGroup, ...options });
    const end = (signal) => {
      if (!ownGroup) return child.kill(signal);
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    };
    const forward = (signal) => {
      if (ownGroup || signal !== 'SIGINT' || !process.stdin.isTTY) end(signal);
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(name, forward);
    const parent = process.ppid;
    const orphaned = setInterval(() => {
      if (process.ppid !== parent) end('SIGTERM');
    }, 500);
    let late = false;
    const limit =
      limitMs &&
      setTimeout(() => {
        late = true;
        progress(`${[command, ...args].join(' ')} took longer than ${limitMs / 1000} s and is ended`);
        end('SIGKILL');
      }, limitMs);
    const cleanUp = () => {
      clearTimeout(limit);
      clearInterval(orphaned);
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(name, forward);
    };
    child.once('error', (error) => {
      cleanUp();
      reject(error);
    });
    child.once('exit', (code, signal) => {
      cleanUp();
      if (ownGroup) end('SIGKILL');
      resolveCode(late ? 124 : (code ?? 128 + (signalNumbers[signal] ?? 0)));
    });
  });
}

/** Like {@link run}, but ends this process when the program fails. */
export async function mustRun(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) process.exit(code);
}
