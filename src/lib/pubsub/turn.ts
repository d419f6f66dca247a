/** Runs work once per turn of the event loop, however often it is asked for: what was published in a turn goes out together. */
export class Turn {
  readonly #work: () => void;
  #scheduled = false;

  constructor(work: () => void) {
    this.#work = work;
  }

  /** The work runs after all that runs in this turn. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#work();
    });
  }
}
