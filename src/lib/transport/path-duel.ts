/** Another path of the same kind must be faster by this much ... */
const fasterByMs = 5;
/** ... and take at most this share: jitter of a few milliseconds, or of a fifth, never makes paths flap. */
const fasterRatio = 0.8;
/** Round trips of each that are compared. Of two equally fast paths one has all of its own below the other's once in 250 times, and hardly ever by so much. */
const roundTrips = 5;
/** Between two probes of a path. */
const intervalMs = 200;
/** One that does not end by itself, as probes are lost. */
const longestMs = 10_000;
/** After one that the path in use won or that came to no end. */
const restMs = 60_000;
/** After packets had to change paths: the better one may soon work again. */
const forcedRestMs = 15_000;
/** After packets changed paths for the sake of speed; twice as long with each time, so that two paths that are fast by turns are not followed all day. */
const firstHoldMs = 60_000;
const longestHoldMs = 3_600_000;

/** A path as far as its speed matters. */
export interface Runner {
  readonly key: string;
  /** Smoothed round trip; undefined: not known. */
  readonly rttMs: number | undefined;
}

export function isClearlyFaster(rttMs: number, thanMs: number): boolean {
  return rttMs <= thanMs - fasterByMs && rttMs <= thanMs * fasterRatio;
}

/**
 * Finds out whether another path of the same kind really is faster than the one in use. What is known of the two was measured at different
 * times, and a busy path is not probed at all: so both are probed at the same time, a few times over, and every round trip of the
 * other must be clearly shorter than each of the one in use.
 */
export class PathDuel {
  #fight: { readonly selected: string; readonly rival: string; readonly samples: Map<string, number[]>; readonly sinceMs: number; nextMs: number } | undefined;
  #restUntilMs = Number.NEGATIVE_INFINITY;
  #holdMs = firstHoldMs;
  #winner: string | undefined;

  /** The path that won against the one in use. */
  get winner(): string | undefined {
    return this.#winner;
  }

  /** When {@link due} may have something to do; Infinity: never. */
  get dueMs(): number {
    return this.#fight?.nextMs ?? Number.POSITIVE_INFINITY;
  }

  /** Looks whether there is a rival. @param rivals usable paths of the same kind as the selected one */
  consider(selected: Runner, rivals: readonly Runner[], nowMs: number): void {
    if (this.#fight && (this.#fight.selected !== selected.key || nowMs - this.#fight.sinceMs > longestMs || !rivals.some(({ key }) => key === this.#fight!.rival))) this.#end(nowMs);
    if (this.#fight || nowMs < this.#restUntilMs || selected.rttMs === undefined) return;
    const rival = rivals.find(({ rttMs }) => rttMs !== undefined && isClearlyFaster(rttMs, selected.rttMs!));
    if (!rival) return;
    const samples = new Map<string, number[]>([[selected.key, []], [rival.key, []]]);
    this.#fight = { selected: selected.key, rival: rival.key, samples, sinceMs: nowMs, nextMs: nowMs };
  }

  /** Keys of paths to be probed now. */
  due(nowMs: number): readonly string[] {
    const fight = this.#fight;
    if (!fight || nowMs < fight.nextMs) return [];
    fight.nextMs = nowMs + intervalMs;
    return [...fight.samples].filter(([, taken]) => taken.length < roundTrips).map(([key]) => key);
  }

  /** A probe of a path, sent at that time, was answered. */
  answered(key: string, sentMs: number, nowMs: number): void {
    const fight = this.#fight;
    const taken = fight?.samples.get(key);
    if (!fight || !taken || taken.length === roundTrips || sentMs < fight.sinceMs) return;
    taken.push(nowMs - sentMs);
    if ([...fight.samples.values()].some(({ length }) => length < roundTrips)) return;
    const [ofSelected, ofRival] = [fight.samples.get(fight.selected)!, fight.samples.get(fight.rival)!];
    if (isClearlyFaster(Math.max(...ofRival), Math.min(...ofSelected))) this.#winner = fight.rival;
    this.#end(nowMs);
  }

  /** Packets took the winner, or another path. */
  changed(key: string, nowMs: number): void {
    if (key === this.#winner) {
      this.#restUntilMs = nowMs + this.#holdMs;
      this.#holdMs = Math.min(longestHoldMs, 2 * this.#holdMs);
    } else this.#restUntilMs = Math.min(this.#restUntilMs, nowMs + forcedRestMs);
    this.#winner = undefined;
    this.#fight = undefined;
  }

  #end(nowMs: number): void {
    this.#fight = undefined;
    this.#restUntilMs = nowMs + restMs;
  }
}
