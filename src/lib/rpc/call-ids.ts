import type { RandomSource } from '../base/random.js';
import { callIdBytes } from '../wire/rpc-messages.js';

/** Bytes of an id that are drawn once, enough never to meet those of an earlier run of the same node; the others count. */
const drawnBytes = 10;

/**
 * Ids of idempotent calls. They tell the calls of one node apart, and a server keeps them by caller: nobody gains by guessing one, so
 * they are counted instead of drawn, which costs more than all the rest of a call.
 */
export class CallIds {
  readonly #id: Uint8Array;

  constructor(random: RandomSource) {
    this.#id = new Uint8Array(callIdBytes);
    this.#id.set(random.bytes(drawnBytes));
  }

  /** An id that was not given before. */
  next(): Uint8Array {
    const id = this.#id;
    // Six bytes last for eight thousand years at a thousand calls a second; should they ever run over, the count starts anew.
    for (let index = callIdBytes - 1; index >= drawnBytes; index--) {
      id[index]!++;
      if (id[index] !== 0) break;
    }
    return id.slice();
  }
}
