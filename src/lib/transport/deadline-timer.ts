import type { Clock, Timer } from '../base/clock.js';

/** Deadlines creep by fractions of a millisecond; being this late is better than setting the timer anew each time. */
const slackMs = 1;

/**
 * One timer for the earliest of many deadlines that move all the time. A deadline that moves later leaves the
 * timer alone: it fires early, finds nothing due and is set again. So there is no timer work per packet.
 */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #onDue: (nowMs: number) => number;
  #armedForMs = Infinity;
  #timer: Timer | undefined;

  /** @param onDue does what is due and returns the earliest deadline that is left, Infinity for none */
  constructor(clock: Clock, onDue: (nowMs: number) => number) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Makes sure that `onDue` runs no later than a millisecond after `deadlineMs` (Clock.nowMs()). */
  schedule(deadlineMs: number): void {
    if (deadlineMs >= this.#armedForMs - slackMs || deadlineMs === Infinity) return;
    this.#timer?.cancel();
    this.#armedForMs = deadlineMs;
    this.#timer = this.#clock.setTimer(Math.max(0, deadlineMs - this.#clock.nowMs()), this.#fire);
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedForMs = Infinity;
  }

  readonly #fire = (): void => {
    this.#armedForMs = Infinity;
    this.schedule(this.#onDue(this.#clock.nowMs()));
  };
}
