import type { NodeId } from '../identity/node-id.js';

/** The highest sequence seen of a publisher under a key it no longer has a record under. */
export interface SequenceMark {
  readonly sequence: number;
  /** When no older record can be alive any more, on the clock of the caller. */
  readonly expiresMs: number;
}

/** Name of a mark: what it is about. */
export function markName(keyHex: string, publisher: NodeId): string {
  return `${keyHex}/${publisher}`;
}

/**
 * High-water marks: they outlive the records, so that a record that was replaced, removed or evicted cannot be played
 * back. Bounded: the one raised longest ago goes first.
 */
export class SequenceMarks {
  readonly #maxMarks: number;
  /** In the order in which they were last raised. */
  readonly #marks = new Map<string, SequenceMark>();

  constructor(maxMarks: number) {
    this.#maxMarks = maxMarks;
  }

  get size(): number {
    return this.#marks.size;
  }

  /** The lowest sequence that may still be accepted; 0 where nothing is known. */
  lowest(keyHex: string, publisher: NodeId): number {
    return this.#marks.get(markName(keyHex, publisher))?.sequence ?? 0;
  }

  /** Raises a mark; a lower sequence than the known one changes nothing but its expiry. @returns the mark, and names of marks that had to go */
  raise(name: string, sequence: number, expiresMs: number): { readonly mark: SequenceMark; readonly dropped: readonly string[] } {
    const known = this.#marks.get(name);
    const mark = { sequence: Math.max(sequence, known?.sequence ?? 0), expiresMs: Math.max(expiresMs, known?.expiresMs ?? 0) };
    this.#marks.delete(name);
    this.#marks.set(name, mark);
    const dropped: string[] = [];
    for (const oldest of this.#marks.keys()) {
      if (this.#marks.size <= this.#maxMarks) break;
      this.#marks.delete(oldest);
      dropped.push(oldest);
    }
    return { mark, dropped };
  }

  /** Forgets marks that have expired. @returns their names */
  expire(nowMs: number): string[] {
    const expired: string[] = [];
    for (const [name, { expiresMs }] of this.#marks) if (expiresMs <= nowMs) expired.push(name);
    for (const name of expired) this.#marks.delete(name);
    return expired;
  }
}
