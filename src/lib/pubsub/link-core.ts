import { maxFramesUnderWay } from './outbox-core.js';

/** What a frame of the wire becomes once all before it on its link are there. */
export interface LinkFrame {
  readonly first: number;
  readonly count: number;
}

/** Frames that wait for earlier ones: a sender has no more under way. */
const maxWaiting = maxFramesUnderWay;

/**
 * Puts the frames of one sender back into order: they travel on several streams, and one can overtake another. A link with
 * a higher number takes the place of the one before.
 */
export class LinkCore<Frame extends LinkFrame> {
  #link = -1;
  #next = 0;
  readonly #waiting = new Map<number, Frame>();

  /** Number of the present link; -1 before the first. */
  get link(): number {
    return this.#link;
  }

  /** Bundles of the present link taken in order. */
  get next(): number {
    return this.#next;
  }

  /**
   * A frame came. Returns the frames that are in order now, this one perhaps among them; `stale` when it belongs to an earlier
   * link or was there before; `full` when too many wait already.
   */
  take(link: number, frame: Frame): Frame[] | 'stale' | 'full' {
    if (link < this.#link) return 'stale';
    if (link > this.#link) {
      this.#link = link;
      this.#next = 0;
      this.#waiting.clear();
    }
    if (frame.first < this.#next || this.#waiting.has(frame.first)) return 'stale';
    if (frame.first > this.#next) {
      if (this.#waiting.size >= maxWaiting) return 'full';
      this.#waiting.set(frame.first, frame);
      return [];
    }
    const inOrder: Frame[] = [];
    for (let next: Frame | undefined = frame; next; next = this.#waiting.get(this.#next)) {
      this.#waiting.delete(next.first);
      inOrder.push(next);
      this.#next = next.first + next.count;
      // An empty frame leaves the number where it is.
      if (next.count === 0) break;
    }
    return inOrder;
  }

  /** Takes out the frames that wait for earlier ones. */
  clear(): Frame[] {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    return waiting;
  }
}
