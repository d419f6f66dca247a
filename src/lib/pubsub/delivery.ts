import type { OutboxOutcome } from './outbox-core.js';

/** Follows one bundle to all its subscribers. */
export class Delivery {
  subscribers = 0;
  delivered = 0;
  #waiting = 1;
  #done: () => void = () => undefined;
  /** Resolves when it is known of every subscriber what became of the bundle. */
  readonly done = new Promise<void>((resolve) => (this.#done = resolve));

  /** One more subscriber will be told of by {@link settle}. */
  expect(): void {
    this.subscribers++;
    this.#waiting++;
  }

  /** Resolved for one subscriber. */
  settle(outcome: OutboxOutcome): void {
    if (outcome === 'acknowledged') this.delivered++;
    // Who unsubscribed in the meantime is none any more.
    if (outcome === 'left') this.subscribers--;
    this.#finish();
  }

  /** All subscribers are known; called once. */
  close(): void {
    this.#finish();
  }

  #finish(): void {
    this.#waiting--;
    if (this.#waiting === 0) this.#done();
  }
}
