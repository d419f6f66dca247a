/** What a node's own calls came to since start. */
export interface CallCounts {
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Attempts beyond the first. */
  readonly retries: number;
  /** Second copies sent because the first was slow. */
  readonly hedges: number;
}

export class CallCounters {
  #running = 0;
  readonly #ended = { succeeded: 0, failed: 0, cancelled: 0 };
  #retries = 0;
  #hedges = 0;

  get running(): number {
    return this.#running;
  }

  begin(): void {
    this.#running++;
  }

  end(how: 'succeeded' | 'failed' | 'cancelled'): void {
    this.#running--;
    this.#ended[how]++;
  }

  retry(): void {
    this.#retries++;
  }

  hedge(): void {
    this.#hedges++;
  }

  counts(): CallCounts {
    return { running: this.#running, ...this.#ended, retries: this.#retries, hedges: this.#hedges };
  }
}
