/** A pending timer. */
export interface Timer {
  cancel(): void;
}

/**
 * Time as everything in Macula sees it. The real one is `systemClock`; tests and the simulator
 * use a virtual one.
 */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. Can jump; only for expiry dates and display. */
  wallMs(): number;
  /** Monotonic milliseconds with a fraction; only differences mean anything. */
  nowMs(): number;
  /** Runs `callback` once, `delayMs` from now. Pending timers do not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

/** Longest delay Node's timers take: 2^31 - 1 ms. */
const maxDelayMs = 2_147_483_647;

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void) {
    this.#handle = setTimeout(callback, Math.min(Math.max(0, delayMs), maxDelayMs));
    this.#handle.unref();
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }
}

/** The machine's own clock. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  nowMs: () => performance.now(),
  setTimer: (delayMs, callback) => new SystemTimer(delayMs, callback),
};
