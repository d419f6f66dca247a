import { abortError, onceAborted } from '../base/abort.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';

export type OperationQueueSettings = Pick<Settings, 'dhtMaxOperations' | 'dhtMaxWaitingOperations'>;

interface Waiting {
  readonly start: () => void;
  readonly reject: (error: MaculaError) => void;
}

/** Lets so many operations run at once; others wait their turn, in order, up to a limit. */
export class OperationQueue {
  readonly #settings: OperationQueueSettings;
  /** In order of arrival; those that no longer wait are taken out. */
  readonly #waiting = new Set<Waiting>();
  #running = 0;

  constructor(settings: OperationQueueSettings) {
    this.#settings = settings;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs the operation when it is its turn.
   * @throws MaculaError MACULA_OVERLOADED when too many wait already, MACULA_ABORTED while waiting, and as `operation`
   */
  async run<T>(operation: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal?.aborted) throw abortError(signal);
    if (this.#running >= this.#settings.dhtMaxOperations) await this.#turn(signal);
    else this.#running++;
    try {
      return await operation();
    } finally {
      this.#next();
    }
  }

  /** Rejects everything that waits. */
  clear(error: MaculaError): void {
    for (const { reject } of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** Resolves once the place of another operation was handed on. */
  #turn(signal: AbortSignal | undefined): Promise<void> {
    const { dhtMaxWaitingOperations } = this.#settings;
    if (this.#waiting.size >= dhtMaxWaitingOperations) {
      throw new MaculaError('MACULA_OVERLOADED', 'too many DHT operations wait already', { details: { limit: 'dhtMaxWaitingOperations', value: dhtMaxWaitingOperations } });
    }
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(waiting);
        reject(abortError(signal!));
      };
      const leave = (): void => signal?.removeEventListener('abort', onAbort);
      const waiting: Waiting = {
        start: () => {
          leave();
          resolve();
        },
        reject: (error) => {
          leave();
          reject(error);
        },
      };
      if (signal) onceAborted(signal, onAbort);
      this.#waiting.add(waiting);
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (!first) {
      this.#running--;
      return;
    }
    this.#waiting.delete(first);
    first.start();
  }
}
