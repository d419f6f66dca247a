import { abortError, following } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';

/** Head start of an address over the next (RFC 8305 §5 recommends 250 ms). */
const staggerMs = 250;

/** What ends those that lost; made once, as every dial that succeeds has losers. */
const lost = new MaculaError('MACULA_ABORTED', 'another way to the peer was quicker');

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
  const race = following(signal);
  const failures: MaculaError[] = [];
  const running = new Set<Promise<void>>();
  let won: { result: Result } | undefined;
  try {
    for (const [index, address] of addresses.entries()) {
      const one = attempt(address, race.signal).then(
        (result) => void (won ??= { result }),
        (error: unknown) => void failures.push(MaculaError.from(error)),
      ).finally(() => running.delete(one));
      running.add(one);
      if (index + 1 < addresses.length) await headStart(clock, running);
      if (won) return won.result;
      if (signal.aborted) throw abortError(signal);
    }
    while (running.size > 0) {
      await Promise.race(running);
      if (won) return won.result;
    }
  } finally {
    race.end(lost);
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
  const race = following(signal);
  try {
    return await Promise.any(ways.map((way) => way(race.signal)));
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw mostTelling((error as AggregateError).errors.map((one) => MaculaError.from(one)));
  } finally {
    race.end(lost);
  }
}

/** Ends early when any attempt does, which each does soon after the race is over. */
function headStart(clock: Clock, attempts: ReadonlySet<Promise<void>>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(staggerMs, resolve);
    void Promise.race(attempts).then(() => {
      timer.cancel();
      resolve();
    });
  });
}

/** An answer, even a refusal, says more than silence. */
function mostTelling(failures: readonly MaculaError[]): MaculaError {
  const silent = new Set(['MACULA_UNREACHABLE', 'MACULA_TIMED_OUT', 'MACULA_ABORTED']);
  const answer = failures.find(({ code }) => !silent.has(code));
  return answer ?? failures[0] ?? new MaculaError('MACULA_UNREACHABLE', 'no address of the peer is known');
}
