import { abortError, following } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';

/** Head start of an address over the next (RFC 8305 §5 recommends 250 ms). */
const staggerMs = 250;

/** What ends those that lost; made once, as every dial that succeeds has losers. */
const lost = new MaculaError('MACULA_ABORTED', 'another way to the peer was quicker');

/**
 * Tries addresses in order, each with a head start over the next, which comes at once when one fails. The first
 * success wins and the rest are aborted. Rejects with the most telling failure when all fail, with a final one at once, or when
 * the signal aborts.
 * @param attempt must end soon after its signal aborts
 * @param isFinal whether a failure is the word of the peer itself, which it would give at any other address as well
 */
export async function raceAddresses<Address, Result>(
  clock: Clock,
  addresses: readonly Address[],
  signal: AbortSignal,
  attempt: (address: Address, signal: AbortSignal) => Promise<Result>,
  isFinal: (failure: MaculaError) => boolean = () => false,
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
      if (failures.some(isFinal)) break;
    }
    while (running.size > 0 && !failures.some(isFinal)) {
      await Promise.race(running);
      if (won) return won.result;
    }
  } finally {
    race.end(lost);
  }
  if (signal.aborted) throw abortError(signal);
  throw failures.find(isFinal) ?? mostTelling(failures);
}

/**
 * Tries several ways at once. The first success wins and the rest are aborted; rejects with the most telling failure
 * when all fail, with a final one at once, or when the signal aborts.
 * @param ways each must end soon after its signal aborts
 * @param isFinal whether a failure of the way with that index is the word of the peer itself, which it would give by any other way as well
 */
export async function raceWays<Result>(ways: readonly ((signal: AbortSignal) => Promise<Result>)[], signal: AbortSignal, isFinal: (failure: MaculaError, index: number) => boolean = () => false): Promise<Result> {
  const race = following(signal);
  try {
    return await new Promise<Result>((resolve, reject) => {
      const failures: MaculaError[] = [];
      if (ways.length === 0) reject(mostTelling(failures));
      for (const [index, way] of ways.entries()) {
        way(race.signal).then(resolve, (cause: unknown) => {
          const failure = MaculaError.from(cause);
          failures.push(failure);
          if (isFinal(failure, index)) reject(failure);
          else if (failures.length === ways.length) reject(mostTelling(failures));
        });
      }
    });
  } catch (error) {
    if (signal.aborted) throw abortError(signal);
    throw error;
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
