/**
 * What the wall clock would read had nobody set it since this was made. A wall clock that was right at the start and
 * jumps then is of no use to judge the age of records; nor is this one if the clock was wrong at the start and is set
 * right. Whatever is timely by either of the two is taken as timely.
 */
export class SteadyWallClock {
  readonly #differenceMs: number;

  /** @param nowMs monotonic clock @param nowWallMs wall clock at the same moment */
  constructor(nowMs: number, nowWallMs: number) {
    this.#differenceMs = nowWallMs - nowMs;
  }

  /** Milliseconds since the Unix epoch. @param nowMs monotonic clock */
  wallMs(nowMs: number): number {
    return this.#differenceMs + nowMs;
  }
}
