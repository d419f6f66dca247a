import type { NodeId } from '../identity/node-id.js';

export type RelayClientEvent =
  /** Whether this node needs relays to be reached. */
  | { readonly type: 'wanted'; readonly wanted: boolean }
  /** Nodes that could relay, best first. */
  | { readonly type: 'candidates'; readonly nodeIds: readonly NodeId[] }
  | { readonly type: 'reserved'; readonly nodeId: NodeId; readonly lifetimeMs: number }
  /** It said no. */
  | { readonly type: 'refused'; readonly nodeId: NodeId }
  /** It could not be asked. */
  | { readonly type: 'failed'; readonly nodeId: NodeId }
  /** The connection to it is gone. */
  | { readonly type: 'lost'; readonly nodeId: NodeId };

export type RelayClientEffect =
  /** Ask it for a reservation, or for the next one. */
  | { readonly type: 'ask'; readonly nodeId: NodeId }
  /** The relays this node is reachable through, longest held first. */
  | { readonly type: 'changed'; readonly relays: readonly NodeId[] };

/** How long a node that refused is not asked again: its limits are minutes. */
const refusedRestMs = 10 * 60_000;
/** How long one that could not be reached is not asked again; another one is meanwhile, if there is one. */
const failedRestMs = 30_000;
/** The same for one whose connection ended: it may be back at once, or be gone for good. */
const lostRestMs = 5_000;
/** A reservation is renewed after this share of its life. */
const renewShare = 0.5;

type Relay =
  | { readonly kind: 'asking' }
  | { readonly kind: 'held'; readonly untilMs: number; renewMs: number }
  | { readonly kind: 'resting'; readonly untilMs: number };

/** Decides with which relays to hold reservations: the best candidates, a few at once, and another one for each that is lost. */
export class RelayClientCore {
  readonly #count: number;
  readonly #relays = new Map<NodeId, Relay>();
  #candidates: readonly NodeId[] = [];
  #wanted = false;
  #told: readonly NodeId[] = [];

  /** @param count relays to be reachable through */
  constructor(count: number) {
    this.#count = count;
  }

  /** Relays with a reservation that holds, longest held first. */
  get held(): readonly NodeId[] {
    return [...this.#relays].filter(([, relay]) => relay.kind === 'held').map(([nodeId]) => nodeId);
  }

  isHeld(nodeId: NodeId): boolean {
    return this.#relays.get(nodeId)?.kind === 'held';
  }

  handle(event: RelayClientEvent, nowMs: number): RelayClientEffect[] {
    switch (event.type) {
      case 'wanted':
        this.#wanted = event.wanted;
        // What is held runs out by itself: the need may come back.
        break;
      case 'candidates':
        this.#candidates = event.nodeIds;
        break;
      case 'reserved':
        this.#set(event.nodeId, { kind: 'held', untilMs: nowMs + event.lifetimeMs, renewMs: nowMs + event.lifetimeMs * renewShare });
        break;
      case 'refused':
        this.#rest(event.nodeId, nowMs + refusedRestMs);
        break;
      case 'failed':
        this.#rest(event.nodeId, nowMs + failedRestMs);
        break;
      case 'lost':
        if (this.#relays.get(event.nodeId)?.kind === 'held') this.#rest(event.nodeId, nowMs + lostRestMs);
        break;
    }
    return this.handleTimeout(nowMs);
  }

  /** Clock.nowMs() at which {@link handleTimeout} has something to do; undefined for never. */
  nextDeadline(): number | undefined {
    let earliest: number | undefined;
    for (const relay of this.#relays.values()) {
      if (relay.kind === 'asking') continue;
      const dueMs = relay.kind === 'held' ? Math.min(relay.untilMs, relay.renewMs) : relay.untilMs;
      if (earliest === undefined || dueMs < earliest) earliest = dueMs;
    }
    return earliest;
  }

  handleTimeout(nowMs: number): RelayClientEffect[] {
    const effects: RelayClientEffect[] = [];
    for (const [nodeId, relay] of this.#relays) {
      if (relay.kind === 'asking') continue;
      if (relay.untilMs <= nowMs) this.#relays.delete(nodeId);
      else if (relay.kind === 'held' && relay.renewMs <= nowMs) {
        relay.renewMs = Number.POSITIVE_INFINITY;
        if (this.#wanted) effects.push({ type: 'ask', nodeId });
      }
    }
    if (this.#wanted) this.#fill(effects);
    const { held } = this;
    if (held.length !== this.#told.length || held.some((nodeId, index) => nodeId !== this.#told[index])) {
      this.#told = held;
      effects.push({ type: 'changed', relays: held });
    }
    return effects;
  }

  #fill(effects: RelayClientEffect[]): void {
    let missing = this.#count - [...this.#relays.values()].filter(({ kind }) => kind !== 'resting').length;
    for (const nodeId of this.#candidates) {
      if (missing <= 0) return;
      if (this.#relays.has(nodeId)) continue;
      this.#relays.set(nodeId, { kind: 'asking' });
      effects.push({ type: 'ask', nodeId });
      missing -= 1;
    }
  }

  /** A relay keeps its place when it is renewed. */
  #set(nodeId: NodeId, relay: Relay): void {
    if (this.#relays.get(nodeId)?.kind !== 'held') this.#relays.delete(nodeId);
    this.#relays.set(nodeId, relay);
  }

  #rest(nodeId: NodeId, untilMs: number): void {
    this.#relays.delete(nodeId);
    this.#relays.set(nodeId, { kind: 'resting', untilMs });
  }
}
