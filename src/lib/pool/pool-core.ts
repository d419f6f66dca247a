import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { PeerHealthTable } from './peer-health.js';
import type { EvictionReason, PooledConnection, PoolStats } from './pool-stats.js';
import type { BreakerSettings } from '../base/circuit-breaker.js';

export type PoolCoreSettings = BreakerSettings & Pick<Settings, 'poolMax' | 'poolIdleMs' | 'poolStaleMs'>;

/** One peer's place in the pool. Whoever asked for it holds it until it is released. */
export interface PoolEntry {
  readonly nodeId: NodeId;
  /** open: can be used; checking: being pinged first; dialling: no connection yet. */
  state: 'open' | 'checking' | 'dialling';
  /** Callers using it or waiting for it. */
  holders: number;
  lastUsedMs: number;
  /** Its place in the order of use: who was used later has the larger one. */
  usedTurn: number;
  /** The last proof that the peer is there. */
  lastHeardMs: number;
  /** A request on it timed out. */
  suspect: boolean;
}

/** What to do for a caller; with `use`, `wait` and `connect` the caller now holds the entry. */
export type Lookup =
  | { readonly kind: 'use'; readonly entry: PoolEntry }
  /** Somebody is dialling or checking already. */
  | { readonly kind: 'wait'; readonly entry: PoolEntry }
  /** Check (state `checking`) or dial, after closing the connection with `evict`. */
  | { readonly kind: 'connect'; readonly entry: PoolEntry; readonly evict: NodeId | undefined }
  /** The breaker leaves the peer alone. */
  | { readonly kind: 'excluded'; readonly waitMs: number; readonly failures: number }
  /** All connections are in use or kept. */
  | { readonly kind: 'full' };

/** Decides who is in the pool and who must go; does nothing itself. Every time is Clock.nowMs(). */
export class PoolCore {
  readonly #settings: PoolCoreSettings;
  readonly #health: PeerHealthTable;
  /** Without order: keeping it at each use costs more the more connections there are, and it is wanted only when one must go. */
  readonly #entries = new Map<NodeId, PoolEntry>();
  readonly #kept = new Map<string, ReadonlySet<NodeId>>();
  readonly #evictions = { lru: 0, idle: 0, failed: 0 };
  #turns = 0;
  #hits = 0;
  #misses = 0;
  #dials = 0;

  constructor(components: { random: RandomSource }, settings: PoolCoreSettings) {
    this.#settings = settings;
    this.#health = new PeerHealthTable(components, settings);
  }

  get size(): number {
    return this.#entries.size;
  }

  entry(nodeId: NodeId): PoolEntry | undefined {
    return this.#entries.get(nodeId);
  }

  /**
   * Somebody wants a connection.
   * @param heardMs when the transport last heard the peer; asked only when the pool itself heard nothing for long
   */
  lookup(nodeId: NodeId, heardMs: () => number | undefined, nowMs: number): Lookup {
    const entry = this.#entries.get(nodeId);
    if (entry && entry.state === 'dialling') return { kind: 'wait', entry: this.#hold(entry, nowMs) };
    const breaker = this.#health.breaker(nodeId);
    if (breaker && !breaker.admit(nowMs)) return { kind: 'excluded', waitMs: breaker.waitMs(nowMs), failures: breaker.failures };
    if (!entry) return this.#begin(nodeId, nowMs);
    this.#hold(entry, nowMs);
    if (entry.state === 'checking') return { kind: 'wait', entry };
    if (this.#isDoubtful(entry, heardMs, nowMs)) {
      entry.state = 'checking';
      return { kind: 'connect', entry, evict: undefined };
    }
    this.#hits++;
    return { kind: 'use', entry };
  }

  /** A caller that had to wait got its connection, or failed to. */
  waited(dialled: boolean): void {
    if (dialled) this.#misses++;
    else this.#hits++;
  }

  /** A session opened, by whomever it was dialled. Returns who must go, which can be the newcomer itself. */
  opened(nodeId: NodeId, nowMs: number): NodeId | undefined {
    let evict: NodeId | undefined;
    let entry = this.#entries.get(nodeId);
    if (!entry) {
      if (this.#entries.size >= this.#settings.poolMax) {
        evict = this.#makeRoom();
        if (evict === undefined) return nodeId;
      }
      entry = { nodeId, state: 'open', holders: 0, lastUsedMs: nowMs, usedTurn: ++this.#turns, lastHeardMs: nowMs, suspect: false };
      this.#entries.set(nodeId, entry);
    }
    this.#heard(entry, nowMs);
    this.#health.succeeded(nodeId, nowMs);
    return evict;
  }

  /** The peer in doubt answered. */
  checked(entry: PoolEntry, nowMs: number): void {
    this.#heard(entry, nowMs);
  }

  /** The peer in doubt did not answer: its connection is given up and dialled anew for those who wait. */
  redial(entry: PoolEntry): void {
    entry.state = 'dialling';
    this.#evictions.failed++;
  }

  /** A dial goes out. */
  dialled(): void {
    this.#dials++;
  }

  /** No connection came about. @param blame whether the peer is at fault @returns the pause, milliseconds, if one begins */
  dialFailed(entry: PoolEntry, blame: boolean, nowMs: number): number | undefined {
    if (entry.state === 'checking') {
      // Nobody waited for the answer: the next caller asks again.
      entry.state = 'open';
      entry.suspect = true;
      return undefined;
    }
    if (this.#entries.get(entry.nodeId) === entry) this.#entries.delete(entry.nodeId);
    return blame ? this.#health.failed(entry.nodeId, nowMs) : undefined;
  }

  /** The session is gone. @param broken it failed, as opposed to being closed by either side */
  closed(nodeId: NodeId, broken: boolean): void {
    const entry = this.#entries.get(nodeId);
    // Those who wait for a check find out that it cannot succeed, and dial.
    if (entry?.state !== 'open') return;
    if (broken) this.#evictions.failed++;
    this.#remove(entry);
  }

  /** One more user of an open connection, a request of the peer for instance; undefined when it is not in the pool. */
  hold(nodeId: NodeId, nowMs: number): PoolEntry | undefined {
    const entry = this.#entries.get(nodeId);
    if (!entry) return undefined;
    entry.lastHeardMs = nowMs;
    return this.#hold(entry, nowMs);
  }

  release(entry: PoolEntry, nowMs: number): void {
    entry.holders--;
    this.#used(entry, nowMs);
  }

  /** The peer answered a request. */
  answered(entry: PoolEntry, nowMs: number): void {
    entry.lastHeardMs = nowMs;
    entry.suspect = false;
    this.#health.succeeded(entry.nodeId, nowMs);
  }

  /** The peer did not answer a request. @returns the pause, milliseconds, if one begins */
  unanswered(entry: PoolEntry, nowMs: number): number | undefined {
    entry.suspect = true;
    return this.#health.failed(entry.nodeId, nowMs);
  }

  /** These connections are not evicted, on behalf of `owner`, until it says otherwise. */
  keep(owner: string, nodeIds: Iterable<NodeId>): void {
    this.#kept.set(owner, new Set(nodeIds));
  }

  /** When the next connection will have been idle for too long, or undefined. */
  nextDeadline(): number | undefined {
    const first = this.#leastRecent();
    return first && first.lastUsedMs + this.#settings.poolIdleMs;
  }

  /** Returns the connections to close because nobody used them. */
  handleTimeout(nowMs: number): NodeId[] {
    const idle = this.#inOrderOfUse().filter((entry) => entry.lastUsedMs + this.#settings.poolIdleMs <= nowMs && this.#isEvictable(entry));
    for (const entry of idle) this.#evict(entry, 'idle');
    return idle.map(({ nodeId }) => nodeId);
  }

  stats(): PoolStats {
    const asked = this.#hits + this.#misses;
    return {
      size: this.#entries.size,
      max: this.#settings.poolMax,
      hits: this.#hits,
      misses: this.#misses,
      hitRate: asked === 0 ? 0 : this.#hits / asked,
      dials: this.#dials,
      evictions: { ...this.#evictions },
    };
  }

  /** All connections, the least recently used first. @param link what the transport knows of one */
  connections(nowMs: number, link: (nodeId: NodeId) => { path: PooledConnection['path']; rttMs: number | undefined }): PooledConnection[] {
    return this.#inOrderOfUse().map((entry) => {
      const { path, rttMs } = link(entry.nodeId);
      const idleSeconds = entry.holders > 0 ? 0 : Math.floor((nowMs - entry.lastUsedMs) / 1000);
      return { nodeId: entry.nodeId, state: this.#shownState(entry), path, idleSeconds, inFlight: entry.holders, health: this.#shownHealth(entry, rttMs, nowMs) };
    });
  }

  #shownState(entry: PoolEntry): PooledConnection['state'] {
    if (entry.state !== 'open') return entry.state;
    if (entry.holders > 0) return 'in-use';
    return this.isKept(entry.nodeId) ? 'kept' : 'idle';
  }

  #shownHealth(entry: PoolEntry, rttMs: number | undefined, nowMs: number): PooledConnection['health'] {
    const breaker = this.#health.breaker(entry.nodeId);
    const failures = breaker?.failures ?? 0;
    const excluded = breaker !== undefined && breaker.state(nowMs) !== 'closed';
    const status = excluded ? 'excluded' : entry.suspect ? 'suspect' : failures > 0 ? 'failing' : 'good';
    const lastSuccessMs = this.#health.lastSuccessMs(entry.nodeId);
    const lastSuccessSecondsAgo = lastSuccessMs === undefined ? undefined : Math.floor((nowMs - lastSuccessMs) / 1000);
    return { status, consecutiveFailures: failures, lastSuccessSecondsAgo, rttMs };
  }

  #begin(nodeId: NodeId, nowMs: number): Lookup {
    let evict: NodeId | undefined;
    if (this.#entries.size >= this.#settings.poolMax) {
      evict = this.#makeRoom();
      if (evict === undefined) return { kind: 'full' };
    }
    const entry: PoolEntry = { nodeId, state: 'dialling', holders: 1, lastUsedMs: nowMs, usedTurn: ++this.#turns, lastHeardMs: nowMs, suspect: false };
    this.#entries.set(nodeId, entry);
    return { kind: 'connect', entry, evict };
  }

  #makeRoom(): NodeId | undefined {
    const entry = this.#leastRecent();
    if (entry) this.#evict(entry, 'lru');
    return entry?.nodeId;
  }

  /** Of the connections that may go the one used least recently. */
  #leastRecent(): PoolEntry | undefined {
    let least: PoolEntry | undefined;
    for (const entry of this.#entries.values()) {
      if ((!least || entry.usedTurn < least.usedTurn) && this.#isEvictable(entry)) least = entry;
    }
    return least;
  }

  #inOrderOfUse(): PoolEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.usedTurn - b.usedTurn);
  }

  #evict(entry: PoolEntry, reason: EvictionReason): void {
    this.#evictions[reason]++;
    this.#remove(entry);
  }

  #remove(entry: PoolEntry): void {
    this.#entries.delete(entry.nodeId);
    this.#health.disconnected(entry.nodeId);
  }

  #heard(entry: PoolEntry, nowMs: number): void {
    entry.state = 'open';
    entry.suspect = false;
    entry.lastHeardMs = nowMs;
  }

  #hold(entry: PoolEntry, nowMs: number): PoolEntry {
    entry.holders++;
    this.#used(entry, nowMs);
    return entry;
  }

  #used(entry: PoolEntry, nowMs: number): void {
    entry.lastUsedMs = nowMs;
    entry.usedTurn = ++this.#turns;
  }

  #isDoubtful(entry: PoolEntry, heardMs: () => number | undefined, nowMs: number): boolean {
    if (entry.suspect) return true;
    if (nowMs - entry.lastHeardMs <= this.#settings.poolStaleMs) return false;
    entry.lastHeardMs = Math.max(entry.lastHeardMs, heardMs() ?? entry.lastHeardMs);
    return nowMs - entry.lastHeardMs > this.#settings.poolStaleMs;
  }

  #isEvictable(entry: PoolEntry): boolean {
    return entry.state === 'open' && entry.holders === 0 && !this.isKept(entry.nodeId);
  }

  /** Somebody said the connection with this peer must stay. */
  isKept(nodeId: NodeId): boolean {
    for (const nodeIds of this.#kept.values()) if (nodeIds.has(nodeId)) return true;
    return false;
  }
}
