import { MaculaError } from '../base/errors.js';
import { LinkCore, type LinkFrame } from './link-core.js';
import type { PubSubCounters } from './pubsub-types.js';

/** A frame with bundles as it came. */
export interface NumberedFrame {
  readonly link: number;
  readonly first: number;
  readonly bundles: readonly unknown[];
}

/** What a frame is answered with: returns it, or throws. */
type Outcome = () => unknown;

interface WaitingFrame<Frame> extends LinkFrame {
  readonly frame: Frame;
  readonly answer: (outcome: Outcome) => void;
}

/** Takes the frames of one sender in order, and answers each when it was taken. */
export class FrameOrder<Frame extends NumberedFrame> {
  readonly #core = new LinkCore<WaitingFrame<Frame>>();
  readonly #take: (frame: Frame) => unknown;
  readonly #stale: (next: number) => unknown;
  readonly #counters: PubSubCounters;

  /**
   * @param take takes a frame and returns the answer, or a promise of it
   * @param stale the answer to a frame that is not taken, as it came before or belongs to an earlier link: bundles taken so far
   */
  constructor(take: (frame: Frame) => unknown, stale: (next: number) => unknown, counters: PubSubCounters) {
    this.#take = take;
    this.#stale = stale;
    this.#counters = counters;
  }

  /** Returns the answer, or a promise of it. @throws MaculaError MACULA_OVERLOADED when too many wait, and as `take` */
  receive(frame: Frame): unknown {
    // A new link: what waited on the one before is sent again on this one.
    if (frame.link > this.#core.link) this.clear();
    let atOnce: Outcome | undefined;
    let later: ((outcome: Outcome) => void) | undefined;
    const answer = (outcome: Outcome): void => {
      if (later) later(outcome);
      else atOnce = outcome;
    };
    const inOrder = this.#core.take(frame.link, { first: frame.first, count: frame.bundles.length, frame, answer });
    if (inOrder === 'stale') return this.#stale(frame.link === this.#core.link ? this.#core.next : 0);
    if (inOrder === 'full') {
      this.#counters.refused.order++;
      throw new MaculaError('MACULA_OVERLOADED', 'too many messages ahead of their turn');
    }
    for (const waiting of inOrder) waiting.answer(outcomeOf(() => this.#take(waiting.frame)));
    // It may have been answered by now.
    const outcome = atOnce as Outcome | undefined;
    if (outcome) return outcome();
    return new Promise<Outcome>((resolve) => (later = resolve)).then((reply) => reply());
  }

  /** Answers what waits for earlier frames: it was not taken. */
  clear(): void {
    for (const { answer } of this.#core.clear()) answer(() => this.#stale(0));
  }
}

function outcomeOf(work: () => unknown): Outcome {
  try {
    const result = work();
    return () => result;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
