import { delay, onceAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import { LoadTally, type LoadSummary } from './load-tally.js';

export interface LoadSettings {
  /** Operations under way at once: each of so many workers begins the next one when its last has ended. */
  readonly concurrency: number;
  /** Operations begin for so long; those under way then are waited for. */
  readonly durationMs: number;
  /** How often a summary is given meanwhile. */
  readonly reportMs: number;
}

/** One operation; resolves with the bytes of payload it carried. Must end by itself, in time or with an error. */
export type Operation = (signal: AbortSignal) => Promise<number>;

/** What fails at once would otherwise be tried again in a loop that lets nothing else run. */
const pauseAfterErrorMs = 10;

/**
 * Puts a load on something and yields what it came to so far again and again, and last what it came to in the end.
 * Aborting the signal ends it with MACULA_ABORTED; leaving the iteration early ends it, too.
 */
export async function* runLoad(components: { clock: Clock; operation: Operation }, settings: LoadSettings, signal: AbortSignal): AsyncGenerator<LoadSummary, void, void> {
  const { clock } = components;
  const { concurrency, durationMs, reportMs } = settings;
  const stop = new AbortController();
  const onAbort = (): void => stop.abort(signal.reason);
  if (signal.aborted) onAbort();
  onceAborted(signal, onAbort);
  const startMs = clock.nowMs();
  const tally = new LoadTally(startMs);
  const work = Array.from({ length: concurrency }, () => worker(components, tally, startMs + durationMs, stop.signal));
  let isOver = false;
  const over = Promise.all(work).then(() => {
    tally.end(clock.nowMs());
    isOver = true;
  });
  over.catch(() => undefined);
  try {
    while (!isOver) {
      await Promise.race([over, delay(clock, reportMs, stop.signal)]);
      yield tally.summary(clock.nowMs());
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    await over.catch(() => undefined);
  }
}

async function worker({ clock, operation }: { clock: Clock; operation: Operation }, tally: LoadTally, untilMs: number, signal: AbortSignal): Promise<void> {
  while (clock.nowMs() < untilMs) {
    signal.throwIfAborted();
    const beginMs = clock.nowMs();
    try {
      const bytes = await operation(signal);
      tally.succeeded(beginMs, clock.nowMs(), bytes);
    } catch (error) {
      signal.throwIfAborted();
      tally.failed(MaculaError.from(error).code);
      await delay(clock, pauseAfterErrorMs, signal);
    }
  }
}
