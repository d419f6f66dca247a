/** Most operations in one transaction: a bound on how long one keeps the event loop. */
const maxGroup = 512;

interface Waiting {
  readonly operation: () => void;
  readonly resolve: () => void;
  readonly reject: (cause: unknown) => void;
}

/**
 * Commits writes in groups: what is asked for while a transaction is under way goes into the next one (group commit, Gray and
 * Reuter 1993). One transaction at a time, so that a write's outcome is that of the transaction it was in: lmdb-js shares one
 * promise among successive writes, and was seen to resolve it for writes whose transaction failed when the next one did not.
 */
export class GroupCommit {
  readonly #transaction: (operations: () => void) => Promise<unknown>;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  /** @param transaction runs the function in a write transaction and resolves when that is on disk */
  constructor(transaction: (operations: () => void) => Promise<unknown>) {
    this.#transaction = transaction;
  }

  /** Resolves when the operation is on disk; rejects with the reason of its transaction, which then left nothing acknowledged. */
  run(operation: () => void): Promise<void> {
    const outcome = new Promise<void>((resolve, reject) => this.#waiting.push({ operation, resolve, reject }));
    this.#running ??= this.#commitAll();
    return outcome;
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #commitAll(): Promise<void> {
    // What is asked for in this turn of the event loop shares the first transaction.
    await Promise.resolve();
    while (this.#waiting.length) {
      const group = this.#waiting.splice(0, maxGroup);
      try {
        await this.#transaction(() => {
          for (const { operation } of group) operation();
        });
        for (const { resolve } of group) resolve();
      } catch (cause) {
        for (const { reject } of group) reject(cause);
      }
    }
    this.#running = undefined;
  }
}
