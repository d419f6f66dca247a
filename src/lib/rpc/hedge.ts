import { onceAborted } from '../base/abort.js';
import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';

/** Runs one copy of a call; the signal aborts when another copy has answered, or the caller is gone. */
export type CallCopy<Result> = (signal: AbortSignal) => Promise<Result>;

/**
 * Runs `first`, and after `afterMs` also what `second` gives, and resolves with the answer that comes first; the other copy is
 * cancelled. Rejects when all copies that were begun have failed, with the first one's error.
 * @param second returns undefined where there shall be no second copy after all
 */
export function hedged<Result>(
  clock: Clock,
  afterMs: number,
  signal: AbortSignal | undefined,
  first: CallCopy<Result>,
  second: () => CallCopy<Result> | undefined,
): Promise<Result> {
  return new Promise<Result>((resolve, reject) => {
    const others = new AbortController();
    const onAbort = (): void => others.abort(signal!.reason);
    let running = 0;
    let failure: unknown;
    const settle = (end: () => void): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      end();
      others.abort(new MaculaError('MACULA_ABORTED', 'another copy of the call was answered first'));
    };
    const run = (copy: CallCopy<Result>): void => {
      running++;
      copy(others.signal).then(
        (result) => settle(() => resolve(result)),
        (error: unknown) => {
          failure ??= error;
          if (--running === 0) settle(() => reject(failure as Error));
        },
      );
    };
    const timer = clock.setTimer(afterMs, () => {
      const copy = second();
      if (copy) run(copy);
    });
    if (signal?.aborted) onAbort();
    else if (signal) onceAborted(signal, onAbort);
    run(first);
  });
}
