import type { CancelSource } from './call-run.js';

/** An idempotent call that runs, and all who wait for it. The signal is made when it is first asked for. */
export class SharedRun implements CancelSource {
  /** Set as soon as it is known that the procedure does not answer at once. */
  reply: Promise<unknown> | undefined;
  waiting = 0;
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  cancel(reason: unknown): void {
    (this.#controller ??= new AbortController()).abort(reason);
  }
}
