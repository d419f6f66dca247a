import { Worker } from 'node:worker_threads';
import { systemClock, type Clock, type Timer } from '../base/clock.js';

/** Checks per timeout: a hang is noticed at most a tenth of the timeout late. */
const checksPerTimeout = 10;

/**
 * Runs in its own thread, and from a string, so that it survives bundling. It counts its own checks and not
 * milliseconds: a process that was stopped or a machine that slept is not taken for one that hangs. SIGKILL is all
 * that helps when the main thread is inside native code; a worker cannot choose an exit code.
 */
const workerCode = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { beats, checkMs, checks, timeoutMs } = workerData;
let last = Atomics.load(beats, 0);
let missed = 0;
while (Atomics.wait(beats, 1, 0, checkMs) === 'timed-out') {
  const now = Atomics.load(beats, 0);
  missed = now === last ? missed + 1 : 0;
  last = now;
  if (missed < checks) continue;
  writeSync(2, 'macula: the main thread has not turned for ' + timeoutMs + ' ms; ending the process so that it can be restarted\\n');
  process.kill(process.pid, 'SIGKILL');
}
`;

/** A watchdog that is running. */
export interface Watchdog {
  /** Ends the watch. Idempotent. */
  stop(): Promise<void>;
}

export interface WatchdogOptions {
  /** The setting watchdogTimeoutMs. */
  readonly timeoutMs: number;
  /** The machine's clock where absent. */
  readonly clock?: Clock;
}

/**
 * Ends the process when its main thread has not turned for `timeoutMs`: by SIGKILL (exit status 137), with the
 * reason on standard error. Whoever supervises the process then starts it again.
 */
export function startWatchdog({ timeoutMs, clock = systemClock }: WatchdogOptions): Watchdog {
  const checkMs = timeoutMs / checksPerTimeout;
  // Room 0: heartbeats; room 1: 1 once the watchdog is stopped.
  const beats = new Int32Array(new SharedArrayBuffer(8));
  const workerData = { beats, checkMs, checks: checksPerTimeout, timeoutMs };
  const worker = new Worker(workerCode, { eval: true, workerData, execArgv: [], name: 'watchdog' });
  worker.unref();
  let timer: Timer | undefined;
  const beat = (): void => {
    Atomics.add(beats, 0, 1);
    timer = clock.setTimer(checkMs / 2, beat);
  };
  beat();
  return {
    async stop() {
      timer?.cancel();
      Atomics.store(beats, 1, 1);
      Atomics.notify(beats, 1);
      await worker.terminate();
    },
  };
}
