import type { NodeId } from '../identity/node-id.js';

/** Peers without a call under way whose counters are kept, so that one call after another does not make one each. */
const keptCounters = 1000;

interface Counter {
  calls: number;
}

/** Calls under way by the node they were sent to. */
export class PeerCalls {
  readonly #counters = new Map<NodeId, Counter>();

  /** Counters kept. */
  get size(): number {
    return this.#counters.size;
  }

  underWay(nodeId: NodeId): number {
    return this.#counters.get(nodeId)?.calls ?? 0;
  }

  begin(nodeId: NodeId): void {
    const counter = this.#counters.get(nodeId);
    if (counter) counter.calls++;
    else this.#counters.set(nodeId, { calls: 1 });
  }

  end(nodeId: NodeId): void {
    const counter = this.#counters.get(nodeId)!;
    if (--counter.calls === 0 && this.#counters.size > keptCounters) this.#counters.delete(nodeId);
  }
}
