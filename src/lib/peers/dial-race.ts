import { abortError, delay } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';

/** Head start of an address over the next (RFC 8305 §5 recommends 250 ms). */
const staggerMs = 250;

/**
 * Tries addresses in order, each with a head start over the next, which comes at once when one fails. The first
 * success wins and the rest are aborted. Rejects with the most telling failure when all fail, or when the signal
 * aborts.
 * @param attempt must end soon after its signal aborts
 */
export async function raceAddresses<Address, Result>(
  clock: Clock,
  addresses: readonly Address[],
  signal: AbortSignal,
  attempt: (address: Address, signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const losers = new AbortController();
  const stop = AbortSignal.any([signal, losers.signal]);
  const failures: MaculaError[] = [];
  const running = new Set<Promise<void>>();
  let won: { result: Result } | undefined;
  try {
    for (const address of addresses) {
      const one = attempt(address, stop).then(
        (result) => void (won ??= { result }),
        (error: unknown) => void failures.push(MaculaError.from(error)),
      ).finally(() => running.delete(one));
      running.add(one);
      await headStart(clock, running, stop);
      if (won) return won.result;
      if (signal.aborted) throw abortError(signal);
    }
    while (running.size > 0) {
      await Promise.race(running);
      if (won) return won.result;
    }
  } finally {
    losers.abort();
  }
  if (signal.aborted) throw abortError(signal);
  throw mostTelling(failures);
}

/**
 * Tries several ways at once. The first success wins and the rest are aborted; rejects with the most telling failure
 * when all fail, or when the signal aborts.
 * @param ways each must end soon after its signal aborts
 */
export async function raceWays<Result>(ways: readonly ((signal: AbortSignal) => Promise<Result>)[], signal: AbortSignal): Promise<Result> {
  const losers = new AbortController();
  const stop = AbortSignal.any([signal, losers.signal]);
  try {
    return await Promise.any(ways.map((way) => way(stop)));
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw mostTelling((error as AggregateError).errors.map((one) => MaculaError.from(one)));
  } finally {
    losers.abort();
  }
}

/** Ends early when any attempt does. */
async function headStart(clock: Clock, attempts: ReadonlySet<Promise<void>>, stop: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const pause = delay(clock, staggerMs, AbortSignal.any([stop, waiting.signal])).catch(() => undefined);
  await Promise.race([...attempts, pause]);
  waiting.abort();
}

/** An answer, even a refusal, says more than silence. */
function mostTelling(failures: readonly MaculaError[]): MaculaError {
  const silent = new Set(['MACULA_UNREACHABLE', 'MACULA_TIMED_OUT', 'MACULA_ABORTED']);
  const answer = failures.find(({ code }) => !silent.has(code));
  return answer ?? failures[0] ?? new MaculaError('MACULA_UNREACHABLE', 'no address of the peer is known');
}
