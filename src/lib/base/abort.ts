import { setMaxListeners } from 'node:events';
import type { Clock } from './clock.js';
import { MaculaError } from './errors.js';

/** Throws MACULA_ABORTED (or the signal's own MaculaError) if the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortError(signal);
}

/** The MaculaError an aborted signal stands for. */
export function abortError(signal: AbortSignal): MaculaError {
  if (signal.reason instanceof MaculaError) return signal.reason;
  return new MaculaError('MACULA_ABORTED', 'the operation was cancelled');
}

/** Listeners that were ever added to a signal, up to {@link countedListeners}. */
const listened = new WeakMap<AbortSignal, number>();

/** Fewer than Node.js takes for a leak. Lifting its limit costs as much as a listener, and most signals never have so many. */
const countedListeners = 3;

/**
 * Calls back when the signal aborts; the listener is to be removed when nothing waits any more. A signal may end as much work at
 * once as there is, callers' own among them, so that many listeners are no sign of a leak, which Node.js would warn of from the eleventh on.
 */
export function onceAborted(signal: AbortSignal, listener: () => void): void {
  const count = (listened.get(signal) ?? 0) + 1;
  if (count <= countedListeners) listened.set(signal, count);
  if (count === countedListeners) setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
}

/** A signal that can be aborted by itself, too. */
export interface Follower {
  readonly signal: AbortSignal;
  /** Aborts it, unless it is aborted, and lets go of the signal it follows. */
  end(reason: MaculaError): void;
}

/** A signal that aborts when `signal` does, and can be aborted alone: as AbortSignal.any with a controller of one's own, for less. */
export function following(signal: AbortSignal): Follower {
  const controller = new AbortController();
  const forward = (): void => controller.abort(signal.reason);
  if (signal.aborted) forward();
  else onceAborted(signal, forward);
  return {
    signal: controller.signal,
    end: (reason) => {
      signal.removeEventListener('abort', forward);
      controller.abort(reason);
    },
  };
}

/** Resolves after `delayMs`; rejects at once when `signal` aborts. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortError(signal));
    const onAbort = (): void => {
      timer.cancel();
      reject(abortError(signal!));
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal) onceAborted(signal, onAbort);
  });
}

/**
 * Runs `work` with a signal that aborts when `signal` does or after `timeoutMs`; rejects with
 * MACULA_TIMED_OUT saying that `what` took too long. Does not wait for work that ignores its signal.
 */
export async function withTimeout<T>(
  clock: Clock,
  timeoutMs: number,
  what: string,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  throwIfAborted(signal);
  const controller = new AbortController();
  const timer = clock.setTimer(timeoutMs, () =>
    controller.abort(new MaculaError('MACULA_TIMED_OUT', `${what} did not finish within ${timeoutMs} ms`, { details: { timeoutMs } })),
  );
  const forward = (): void => controller.abort(signal!.reason);
  if (signal) onceAborted(signal, forward);
  try {
    return await untilAborted(work(controller.signal), controller.signal);
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', forward);
  }
}

/** The promise's outcome, or a rejection as soon as the signal aborts. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortError(signal));
    const onAbort = (): void => reject(abortError(signal));
    onceAborted(signal, onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
