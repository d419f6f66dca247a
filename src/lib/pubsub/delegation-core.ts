import type { NodeId } from '../identity/node-id.js';

/** Most subscribers of one share, its delegate included. */
export const maxShare = 256;

/** A plan is kept while the number of delegates it was made for is within this factor of the best one. */
const tolerance = 1.25;

/**
 * Shares the many subscribers of one topic out among a few of them, its delegates: about as many as the square root of the
 * subscribers, so that nobody sends to more than that. Rendezvous hashing: who comes or goes moves few of the others.
 */
export class DelegationCore {
  readonly #seed: number;
  readonly #direct: number;
  #isShared = false;
  #count = 0;
  #delegates = new Set<NodeId>();
  #owners = new Map<NodeId, NodeId>();

  /**
   * @param topic different topics have different delegates
   * @param direct so many subscribers are served without delegates
   */
  constructor(topic: string, direct: number) {
    this.#seed = [...topic].reduce((hash, letter) => mix(hash ^ letter.codePointAt(0)!), 0x9e3779b9);
    this.#direct = direct;
  }

  /**
   * By subscriber, the delegate that serves it; empty while they are few. A delegate serves itself.
   * @param unfit those that may not be delegates now
   */
  plan(subscribers: readonly NodeId[], unfit: ReadonlySet<NodeId>): ReadonlyMap<NodeId, NodeId> {
    // Once there is a tree it stays until it is clearly not needed: a change of path costs QoS 0 messages.
    this.#isShared = subscribers.length > (this.#isShared ? this.#direct * 0.75 : this.#direct);
    const fit = this.#isShared ? subscribers.filter((nodeId) => !unfit.has(nodeId)) : [];
    if (fit.length === 0 || !this.#setCount(subscribers.length, fit.length)) {
      this.#delegates.clear();
      this.#owners.clear();
      return this.#owners;
    }
    const delegates = this.#choose(fit);
    const isSame = delegates.length === this.#delegates.size && delegates.every((nodeId) => this.#delegates.has(nodeId));
    const before = isSame ? this.#owners : new Map<NodeId, NodeId>();
    this.#delegates = new Set(delegates);
    this.#assign(subscribers, delegates, before);
    return this.#owners;
  }

  /** Returns false when too few are fit for all subscribers. */
  #setCount(subscribers: number, fit: number): boolean {
    const best = Math.max(Math.ceil(Math.sqrt(subscribers)), Math.ceil((2 * subscribers) / maxShare));
    if (this.#count > best * tolerance || this.#count * tolerance < best) this.#count = best;
    return Math.min(fit, this.#count) * maxShare >= subscribers;
  }

  #choose(fit: readonly NodeId[]): NodeId[] {
    const scored = fit.map((nodeId) => ({ nodeId, score: mix(this.#seed ^ wordOf(nodeId)) }));
    scored.sort((a, b) => b.score - a.score || (a.nodeId < b.nodeId ? -1 : 1));
    return scored.slice(0, this.#count).map(({ nodeId }) => nodeId);
  }

  #assign(subscribers: readonly NodeId[], delegates: readonly NodeId[], before: ReadonlyMap<NodeId, NodeId>): void {
    const owners = new Map<NodeId, NodeId>(delegates.map((nodeId) => [nodeId, nodeId]));
    const sizes = new Map<NodeId, number>(delegates.map((nodeId) => [nodeId, 1]));
    const give = (nodeId: NodeId, owner: NodeId): void => {
      owners.set(nodeId, owner);
      sizes.set(owner, sizes.get(owner)! + 1);
    };
    const isNew: NodeId[] = [];
    for (const nodeId of subscribers) {
      const owner = before.get(nodeId);
      if (owners.has(nodeId)) continue;
      if (owner === undefined) isNew.push(nodeId);
      else give(nodeId, owner);
    }
    const words = delegates.map((nodeId) => ({ nodeId, word: wordOf(nodeId) }));
    for (const nodeId of isNew) give(nodeId, bestFor(wordOf(nodeId), words, sizes));
    this.#owners = owners;
  }
}

/** The delegate with the highest score for the subscriber whose share is not full. */
function bestFor(subscriber: number, delegates: readonly { readonly nodeId: NodeId; readonly word: number }[], sizes: ReadonlyMap<NodeId, number>): NodeId {
  let best: NodeId | undefined;
  let bestScore = -1;
  for (const { nodeId, word } of delegates) {
    const score = mix(mix(word) ^ subscriber);
    if (score <= bestScore || sizes.get(nodeId)! >= maxShare) continue;
    best = nodeId;
    bestScore = score;
  }
  return best!;
}

/** Node ids are hashes, so some of their bits are as good as all. */
function wordOf(nodeId: NodeId): number {
  return Number.parseInt(nodeId.slice(0, 8), 16) | 0;
}

/** Spreads 32 bits evenly: the finaliser of MurmurHash3. */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
