/** Lives of direct paths that are compared. */
const remembered = 2;
/** Shorter ones say nothing: a path may as well never have worked. */
const leastLifeMs = 15_000;
/** A death is noticed at the next probe, which comes every 15 s at the least: lives this much apart may be the same one ... */
const noticedWithinMs = 15_000;
/** ... and of long ones those that differ by less than this share. */
const sameShare = 0.1;
/** Share of the shortest life after which a path is replaced. What was measured is when it was last heard, so it lived at least as long. */
const replacedAfterShare = 0.8;

/**
 * Learns whether direct paths to a peer die of age: some NATs give up a mapping after a time, however much goes through it. Two paths in
 * a row that lived equally long tell so; what a failing network does to paths comes at other times.
 */
export class MappingAge {
  #lives: number[] = [];

  /** A path fell silent. @param livedMs from its first answer until it was last heard */
  died(livedMs: number): void {
    if (livedMs >= leastLifeMs) this.#lives = [...this.#lives, livedMs].slice(-remembered);
  }

  /** The network is another one. */
  forget(): void {
    this.#lives = [];
  }

  /** Age at which a path is to be replaced, milliseconds; undefined: none, as far as is known. */
  get replaceAfterMs(): number | undefined {
    if (this.#lives.length < remembered) return undefined;
    const [least, most] = [Math.min(...this.#lives), Math.max(...this.#lives)];
    return most - least <= Math.max(noticedWithinMs, sameShare * most) ? replacedAfterShare * least : undefined;
  }
}
