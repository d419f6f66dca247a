import { MaculaError } from '../base/errors.js';
import type { Session } from '../session/session.js';
import type { PoolEntry } from './pool-core.js';

/** How an attempt to have a usable connection ended. */
export interface Connected {
  readonly session: Session;
  /** Whether it took a dial. */
  readonly dialled: boolean;
}

/** One attempt to check or dial a peer, shared by all who wait for it. */
export class DialAttempt {
  readonly entry: PoolEntry;
  readonly outcome: Promise<Connected>;
  readonly #abort = new AbortController();
  #resolve!: (connected: Connected) => void;
  #reject!: (error: MaculaError) => void;

  constructor(entry: PoolEntry) {
    this.entry = entry;
    this.outcome = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Everybody may have stopped waiting by the time it fails.
    this.outcome.catch(() => undefined);
  }

  /** Aborted when nobody waits any more, or the peer came to us first. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The dial goes on to its end unless the peer came to us meanwhile: then there is nothing left to reach. */
  succeed(connected: Connected): void {
    this.#resolve(connected);
    if (connected.session.direction === 'in') this.#abort.abort(new MaculaError('MACULA_ABORTED', 'the peer connected meanwhile'));
  }

  /** Ends what is under way, too. */
  fail(error: MaculaError): void {
    this.#reject(error);
    this.#abort.abort(error);
  }
}
