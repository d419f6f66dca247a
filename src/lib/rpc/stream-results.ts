import type { CallContext } from './procedure.js';

/** Whether a procedure returned values one after the other instead of one result. */
export function isValueStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

/** The input of a call whose caller streams nothing. */
export const noInput: CallContext['input'] = {
  [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }),
};

/**
 * Hands each value to `send`, and takes the next one only when that has room again. However it ends, the source is told.
 * @param send returns a promise to wait for, or undefined where there is room
 * @param signal aborted when nobody wants the values any more: rejects with its reason as soon as the source lets it
 */
export async function pumpValues(source: AsyncIterable<unknown>, send: (value: unknown) => Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  const values = source[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await values.next();
    if (done) return;
    try {
      signal.throwIfAborted();
      const room = send(value);
      if (room) await room;
      signal.throwIfAborted();
    } catch (error) {
      // What the source does on its way out is its own affair: the values have ended for another reason.
      await Promise.resolve(values.return?.()).catch(() => undefined);
      throw error;
    }
  }
}
