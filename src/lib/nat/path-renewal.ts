import { MappingAge } from './mapping-age.js';

/** How long a direct path may stay in doubt before another is looked for: a lost packet is no reason to. The relay takes over a second or so later. */
const doubtMs = 300;
/** A direct path in use for so long did not come from the attempt that a peer's offer is for: it is that path which the peer is looking to replace. */
const settledMs = 10_000;

/** When to look for another direct path in place of the one in use: when it is in doubt, and before it reaches the age at which others died. */
export class PathRenewal {
  readonly #age = new MappingAge();
  /** From when on the direct path in use worked; undefined: there is none. */
  #sinceMs: number | undefined;
  /** How long the direct path in doubt lived. */
  #doubtedLifeMs: number | undefined;
  /** Clock.nowMs() at which to look for another; Infinity: not as far as is known. */
  dueMs = Infinity;

  /** Packets take a direct path, or another one. @param sinceMs from when on it worked */
  direct(sinceMs: number, nowMs: number): void {
    this.#sinceMs = sinceMs;
    this.#bury();
    this.#plan(nowMs);
  }

  relayed(): void {
    this.#sinceMs = undefined;
    this.#bury();
    this.dueMs = Infinity;
  }

  /** The path in use does not answer. @param livedMs how long it did */
  doubted(livedMs: number, nowMs: number): void {
    this.#doubtedLifeMs = livedMs;
    this.dueMs = nowMs + doubtMs;
  }

  /** It answers again, or another one took its place, which was told before. */
  doubtOver(nowMs: number): void {
    this.#doubtedLifeMs = undefined;
    this.#plan(nowMs);
  }

  /** An attempt at it begins. */
  begun(): void {
    this.dueMs = Infinity;
  }

  /** The network is another one. */
  forget(nowMs: number): void {
    this.#age.forget();
    if (this.#doubtedLifeMs === undefined) this.#plan(nowMs);
  }

  /** Whether an offer of the peer is for a path in place of the one in use. */
  isMeantBy(nowMs: number): boolean {
    return this.#sinceMs !== undefined && nowMs - this.#sinceMs >= settledMs;
  }

  /** The path in doubt is not in use any more. */
  #bury(): void {
    if (this.#doubtedLifeMs !== undefined) this.#age.died(this.#doubtedLifeMs);
    this.#doubtedLifeMs = undefined;
  }

  #plan(nowMs: number): void {
    const afterMs = this.#age.replaceAfterMs;
    const dueMs = this.#sinceMs === undefined || afterMs === undefined ? Infinity : this.#sinceMs + afterMs;
    // One that should have been replaced by now, and was not, is left to die.
    this.dueMs = dueMs > nowMs ? dueMs : Infinity;
  }
}
