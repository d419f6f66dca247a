/** What the timing of discovery goes by. */
export type DiscoveryEvent =
  /** Somebody to ask came or went: how many there are now, at different addresses. */
  | { readonly type: 'vantages'; readonly count: number }
  /** Addresses of this machine, in any order. */
  | { readonly type: 'localHosts'; readonly hosts: readonly string[] }
  /** A peer sees this node at another address than the finding says. */
  | { readonly type: 'seenElsewhere' }
  /** gaps: some questions stayed open; worst: ports at random, which is worst to have, and looks the same when other packets fell between those of a look. */
  | { readonly type: 'measured'; readonly outcome: 'whole' | 'gaps' | 'worst' };

/** Vantages that a whole finding needs; with fewer one is made as well, and made anew when there are more. */
const vantagesNeeded = 2;
/** Others may come right after the first: addresses and peers change in bursts. */
const settleMs = 500;
/** How long the first one to come is alone worth waiting for a second. */
const secondVantageMs = 10_000;
/** What peers say can make no more than this much work. */
const minIntervalMs = 30_000;
/** A finding with gaps is made anew after this long, then after twice as long, and so on up to the usual interval. */
const firstGapMs = 30_000;
/** How often the worst finding is made anew as soon as one with gaps: the start of a node is when most other packets are sent. */
const maxSecondLooks = 2;

/** Decides when the NATs are to be looked at: at the start, when something changed, and from time to time. */
export class DiscoveryCore {
  readonly #refreshMs: number;
  #vantages = 0;
  #hosts: string | undefined;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #measuredWith = 0;
  #gapMs = firstGapMs;
  #secondLooks = 0;
  #dueMs = Number.POSITIVE_INFINITY;

  /** @param refreshMs age at which a finding is made anew */
  constructor(refreshMs: number) {
    this.#refreshMs = refreshMs;
  }

  /** Clock.nowMs() at which to measure; Infinity for not at all. After it, report `measured`. */
  get dueMs(): number {
    return this.#vantages === 0 ? Number.POSITIVE_INFINITY : this.#dueMs;
  }

  handle(event: DiscoveryEvent, nowMs: number): void {
    switch (event.type) {
      case 'vantages':
        this.#vantages = event.count;
        if (event.count > 0 && this.#measuredWith < Math.min(event.count, vantagesNeeded)) {
          this.#bringForward(nowMs + (event.count < vantagesNeeded ? secondVantageMs : settleMs));
        }
        return;
      case 'localHosts': {
        const hosts = [...event.hosts].sort().join();
        if (this.#hosts !== undefined && this.#hosts !== hosts) {
          this.#secondLooks = 0;
          this.#bringForward(nowMs + settleMs);
        }
        this.#hosts = hosts;
        return;
      }
      case 'seenElsewhere':
        return this.#bringForward(Math.max(nowMs + settleMs, this.#measuredMs + minIntervalMs));
      case 'measured':
        this.#measuredMs = nowMs;
        this.#measuredWith = this.#vantages;
        this.#dueMs = nowMs + this.#nextAfterMs(event.outcome);
    }
  }

  #nextAfterMs(outcome: 'whole' | 'gaps' | 'worst'): number {
    if (outcome === 'worst') this.#secondLooks += 1;
    else if (outcome === 'whole') this.#secondLooks = 0;
    if (outcome === 'whole' || this.#secondLooks > maxSecondLooks) {
      this.#gapMs = firstGapMs;
      return this.#refreshMs;
    }
    const afterMs = Math.min(this.#gapMs, this.#refreshMs);
    this.#gapMs *= 2;
    return afterMs;
  }

  #bringForward(dueMs: number): void {
    this.#dueMs = Math.min(this.#dueMs, dueMs);
  }
}
