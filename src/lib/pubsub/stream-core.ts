import type { Qos } from '../wire/pubsub-messages.js';
import type { Bundle } from './bundle.js';

/** Messages, and bytes of them, that wait for ones missing before them: as many as the publisher keeps for replay. */
export const maxHeldMessages = 1024;
export const maxHeldBytes = 8 * 1024 * 1024;

/** Why messages are missing. */
export type GapReason =
  /** They were not sent a second time: QoS 0. */
  | 'lost'
  /** The publisher does not have them any more. */
  | 'expired'
  /** The publisher did not answer. */
  | 'unreachable';

export type StreamEffect =
  /** Hand the messages of the bundle from index `skip` on to the subscriptions. */
  | { readonly type: 'deliver'; readonly bundle: Bundle; readonly skip: number; readonly count: number }
  | { readonly type: 'gap'; readonly from: number; readonly to: number; readonly reason: GapReason }
  /** Ask the publisher for these; `replayed` or `replayFailed` follows. */
  | { readonly type: 'replay'; readonly from: number; readonly to: number };

/**
 * One stream of one publisher as a subscriber takes it: every message at most once and in order, and whatever is missing
 * told. With QoS 1 later messages wait until the missing ones were replayed, or are known to be lost.
 */
export class StreamCore {
  readonly #qos: Qos;
  /** Sequence of the next message in order; undefined until the stream was heard of. */
  #next: number | undefined;
  /** Later bundles, by their first sequence. */
  readonly #held = new Map<number, Bundle>();
  #heldMessages = 0;
  #heldBytes = 0;
  /** Highest sequence known to exist, plus one. */
  #end = 0;
  #replaying = false;
  #duplicates = 0;

  constructor(qos: Qos) {
    this.#qos = qos;
  }

  /** Messages that came again. */
  get duplicates(): number {
    return this.#duplicates;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Sequence of the next message wanted; undefined before the first. */
  get next(): number | undefined {
    return this.#next;
  }

  take(bundle: Bundle): StreamEffect[] {
    const effects: StreamEffect[] = [];
    this.#take(bundle, effects);
    this.#drain(effects);
    this.#seekMissing(effects);
    return effects;
  }

  /** The publisher answered: `bundles` are what it still had, and nothing before `oldest`. */
  replayed(oldest: number, bundles: readonly Bundle[]): StreamEffect[] {
    this.#replaying = false;
    const effects: StreamEffect[] = [];
    const before = this.#next;
    for (const bundle of bundles) this.#take(bundle, effects);
    this.#drain(effects);
    if (this.#next !== undefined && this.#next < this.#end) {
      // What is older than the oldest and does not wait here is lost, and so is all that an answer without anything new leaves open.
      if (this.#next < oldest) {
        while (this.#next < Math.min(oldest, this.#end)) this.#skipTo(Math.min(oldest, this.#nextHeld()), 'expired', effects);
      } else if (this.#next === before) this.#skipTo(this.#nextHeld(), 'expired', effects);
    }
    this.#seekMissing(effects);
    return effects;
  }

  replayFailed(): StreamEffect[] {
    this.#replaying = false;
    const effects: StreamEffect[] = [];
    this.#skipTo(this.#nextHeld(), 'unreachable', effects);
    this.#seekMissing(effects);
    return effects;
  }

  #take(bundle: Bundle, effects: StreamEffect[]): void {
    const count = bundle.bodies.length;
    const end = bundle.first + count;
    this.#next ??= bundle.first;
    this.#end = Math.max(this.#end, end);
    if (end <= this.#next) {
      this.#duplicates += count;
      return;
    }
    if (bundle.first > this.#next) {
      if (this.#qos === 1) return this.#hold(bundle, effects);
      this.#skipTo(bundle.first, 'lost', effects);
    }
    this.#deliver(bundle, effects);
  }

  #deliver(bundle: Bundle, effects: StreamEffect[]): void {
    const skip = this.#next! - bundle.first;
    const count = bundle.bodies.length - skip;
    this.#duplicates += skip;
    if (count === 0) return;
    effects.push({ type: 'deliver', bundle, skip, count });
    this.#next! += count;
  }

  #hold(bundle: Bundle, effects: StreamEffect[]): void {
    if (bundle.bodies.length === 0) return;
    const other = this.#held.get(bundle.first);
    if (other) {
      this.#duplicates += Math.min(other.bodies.length, bundle.bodies.length);
      if (other.bodies.length >= bundle.bodies.length) return;
      this.#release(other);
    }
    this.#held.set(bundle.first, bundle);
    this.#heldMessages += bundle.bodies.length;
    this.#heldBytes += bytesOf(bundle);
    while (this.#heldMessages > maxHeldMessages || this.#heldBytes > maxHeldBytes) this.#skipTo(this.#nextHeld(), 'expired', effects);
  }

  /** Delivers what waited and is in order now. */
  #drain(effects: StreamEffect[]): void {
    while (this.#held.size > 0) {
      const first = this.#nextHeld();
      if (first > this.#next!) return;
      const bundle = this.#held.get(first)!;
      this.#release(bundle);
      if (first + bundle.bodies.length > this.#next!) this.#deliver(bundle, effects);
      else this.#duplicates += bundle.bodies.length;
    }
  }

  /** Gives the messages up to there up, and delivers what waited behind them. */
  #skipTo(next: number, reason: GapReason, effects: StreamEffect[]): void {
    if (this.#next === undefined || next <= this.#next) return;
    effects.push({ type: 'gap', from: this.#next, to: next - 1, reason });
    this.#next = next;
    this.#drain(effects);
  }

  #seekMissing(effects: StreamEffect[]): void {
    if (this.#replaying || this.#next === undefined || this.#next >= this.#end) return;
    if (this.#qos === 0) return this.#skipTo(this.#end, 'lost', effects);
    this.#replaying = true;
    effects.push({ type: 'replay', from: this.#next, to: this.#nextHeld() - 1 });
  }

  /** First sequence of what waits; the end of the stream where nothing does. */
  #nextHeld(): number {
    let first = this.#end;
    for (const held of this.#held.keys()) if (held < first) first = held;
    return first;
  }

  #release(bundle: Bundle): void {
    this.#held.delete(bundle.first);
    this.#heldMessages -= bundle.bodies.length;
    this.#heldBytes -= bytesOf(bundle);
  }
}

function bytesOf({ bodies }: Bundle): number {
  let bytes = 0;
  for (const body of bodies) bytes += body.length;
  return bytes;
}
