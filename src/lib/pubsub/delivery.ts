import type { OutboxOutcome } from './outbox-core.js';

/** Follows one bundle to all its subscribers. */
export class Delivery {
  subscribers = 0;
  delivered = 0;
  #waiting = 1;
  #done: () => void = () => undefined;
  /** Resolves when it is known of every subscriber what became of the bundle. */
  readonly done = new Promise<void>((resolve) => (this.#done = resolve));

  /** Whether it is known of every subscriber. */
  get isDone(): boolean {
    return this.#waiting === 0;
  }

  /** So many more subscribers will be told of by {@link settle}. */
  expect(subscribers = 1): void {
    this.subscribers += subscribers;
    this.#waiting += subscribers;
  }

  /** Resolved for so many subscribers. */
  settle(outcome: OutboxOutcome, subscribers = 1): void {
    if (outcome === 'acknowledged') this.delivered += subscribers;
    // Who unsubscribed in the meantime is none any more.
    if (outcome === 'left') this.subscribers -= subscribers;
    this.#finish(subscribers);
  }

  /** All subscribers are known; called once. */
  close(): void {
    this.#finish(1);
  }

  #finish(settled: number): void {
    this.#waiting -= settled;
    if (this.#waiting === 0) this.#done();
  }
}
