import type { ErrorCode } from '../base/error-catalogue.js';
import type { RandomSource } from '../base/random.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import { backoffMs, refusalMs } from './backoff.js';

/** configured: in the settings, kept for ever; wanted: asked for by a user; learned: from others, the LAN or the disk. */
export type PeerOrigin = 'configured' | 'wanted' | 'learned';

export interface PeerFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

export type PeerState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'dialling' }
  | { readonly kind: 'connected'; readonly sinceMs: number }
  /** Pausing before the next dial. */
  | { readonly kind: 'waiting'; readonly untilMs: number }
  /** One side does not want the other; asked again only now and then. */
  | { readonly kind: 'refused'; readonly untilMs: number };

/** A peer that is kept connected. Its key is the URL it was given by, or its node id. */
export interface PeerEntry {
  readonly key: string;
  readonly origin: PeerOrigin;
  /** Undefined while a peer given by URL has not been reached. */
  readonly nodeId: NodeId | undefined;
  readonly state: PeerState;
  /** Failures in a row; a connection that lasted ends the row. */
  readonly failures: number;
  readonly everConnected: boolean;
  readonly lastFailure: PeerFailure | undefined;
}

type MutableEntry = { -readonly [Field in keyof PeerEntry]: PeerEntry[Field] };

export type PeersEvent =
  | { readonly kind: 'added'; readonly key: string; readonly origin: PeerOrigin; readonly nodeId?: NodeId | undefined; readonly everConnected?: boolean }
  /** @param shun whether it is, for a while, not learned again either */
  | { readonly kind: 'removed'; readonly key: string; readonly shun: boolean }
  /** An address of it came up, or a user wants it now: pauses end. */
  | { readonly kind: 'hinted'; readonly key: string; readonly evenIfRefused: boolean }
  | { readonly kind: 'dialled'; readonly key: string; readonly nodeId: NodeId }
  | { readonly kind: 'dialFailed'; readonly key: string; readonly failure: PeerFailure }
  | { readonly kind: 'opened'; readonly nodeId: NodeId }
  | { readonly kind: 'closed'; readonly nodeId: NodeId; /** Set when one side ended it for good, not for now. */ readonly refusal?: PeerFailure | undefined };

export type PeersEffect =
  | { readonly kind: 'dial'; readonly key: string }
  /** Nobody waits for this dial any more. */
  | { readonly kind: 'abandon'; readonly key: string }
  /** A learned peer was given up. */
  | { readonly kind: 'forget'; readonly nodeId: NodeId };

/** Dials under way at once: enough to find a mesh again quickly, few enough not to look like a scan. */
export const maxParallelDials = 16;

/** Failures in a row after which a learned peer is forgotten: that never answered, and that once was connected (about an hour). */
const patience = { stranger: 5, acquaintance: 120 };

/** A connection that ends before this counts as one more failure, so that a peer that hangs up at once is not dialled in a loop. */
const stableAfterMs = 10_000;

/** A learned peer that was given up or removed is not taken from others again before this. */
const shunMs = 10 * 60_000;

/** Outcomes that trying again soon cannot change. */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH', 'MACULA_PIN_MISMATCH', 'MACULA_ID_MISMATCH', 'MACULA_PEER_UNTRUSTED',
  'MACULA_CERTIFICATE_INVALID', 'MACULA_CERTIFICATE_EXPIRED', 'MACULA_SELF_DIAL',
]);

/**
 * Decides whom to dial when: configured and wanted peers always, learned ones while fewer than maxPeers are connected
 * or being dialled; one dial per peer, {@link maxParallelDials} in all; pauses grow exponentially with jitter.
 * Learned peers that keep failing are forgotten, unless no peer at all is connected: then the fault may be ours.
 */
export class PeersCore {
  readonly #entries = new Map<string, MutableEntry>();
  readonly #byNode = new Map<NodeId, Set<MutableEntry>>();
  readonly #connected = new Set<NodeId>();
  /** Keys of dials under way, with the node they go to. An entry can be connected by the peer meanwhile. */
  readonly #dials = new Map<string, NodeId | undefined>();
  /** Nodes not to be learned again before the time given; oldest first. */
  readonly #shunned = new Map<NodeId, number>();

  constructor(
    private readonly random: RandomSource,
    private readonly settings: Pick<Settings, 'maxPeers' | 'maxKnownPeers' | 'reconnectMinMs' | 'reconnectMaxMs'>,
  ) {}

  entries(): readonly PeerEntry[] {
    return [...this.#entries.values()];
  }

  entry(key: string): PeerEntry | undefined {
    return this.#entries.get(key);
  }

  /** Entries of one node: it may be configured under several URLs. */
  entriesOf(nodeId: NodeId): readonly PeerEntry[] {
    return [...(this.#byNode.get(nodeId) ?? [])];
  }

  /** When {@link handleTimeout} has something to do, or undefined. */
  nextDeadline(): number | undefined {
    let earliest: number | undefined;
    for (const { state } of this.#entries.values()) {
      if ((state.kind === 'waiting' || state.kind === 'refused') && (earliest === undefined || state.untilMs < earliest)) earliest = state.untilMs;
    }
    return earliest;
  }

  handle(event: PeersEvent, nowMs: number): PeersEffect[] {
    return [...this.#apply(event, nowMs), ...this.#dialDue()];
  }

  handleTimeout(nowMs: number): PeersEffect[] {
    for (const entry of this.#entries.values()) {
      const { state } = entry;
      if ((state.kind === 'waiting' || state.kind === 'refused') && state.untilMs <= nowMs) entry.state = { kind: 'ready' };
    }
    return this.#dialDue();
  }

  #apply(event: PeersEvent, nowMs: number): PeersEffect[] {
    switch (event.kind) {
      case 'added':
        return this.#add(event, nowMs);
      case 'removed':
        if (event.shun) this.#shun(this.#entries.get(event.key)?.nodeId, nowMs);
        return this.#remove(event.key);
      case 'hinted':
        return this.#hint(event.key, event.evenIfRefused);
      case 'dialled':
        this.#dials.delete(event.key);
        return this.#reached(event.key, event.nodeId, nowMs);
      case 'dialFailed':
        this.#dials.delete(event.key);
        return this.#failed(event.key, event.failure, nowMs);
      case 'opened':
        this.#connected.add(event.nodeId);
        if (!this.#byNode.has(event.nodeId)) this.#insert({ kind: 'added', key: event.nodeId, origin: 'learned', nodeId: event.nodeId }, nowMs);
        for (const entry of this.#byNode.get(event.nodeId) ?? []) markConnected(entry, nowMs);
        return [];
      case 'closed':
        return this.#lost(event.nodeId, event.refusal, nowMs);
    }
  }

  #add(event: PeersEvent & { kind: 'added' }, nowMs: number): PeersEffect[] {
    const { key, origin, nodeId } = event;
    const known = this.#entries.get(key);
    if (known) {
      if (rank[origin] < rank[known.origin]) known.origin = origin;
      return [];
    }
    if (origin === 'learned') {
      if (nodeId !== undefined && (this.#isShunned(nodeId, nowMs) || this.#byNode.has(nodeId))) return [];
      if (this.#entries.size >= this.settings.maxKnownPeers && !this.#evictOne()) return [];
    } else if (nodeId !== undefined) {
      this.#shunned.delete(nodeId);
    }
    this.#insert(event, nowMs);
    return [];
  }

  #insert({ key, origin, nodeId, everConnected = false }: PeersEvent & { kind: 'added' }, nowMs: number): void {
    const entry: MutableEntry = { key, origin, nodeId: undefined, state: { kind: 'ready' }, failures: 0, everConnected, lastFailure: undefined };
    this.#entries.set(key, entry);
    if (nodeId !== undefined) this.#name(entry, nodeId, nowMs);
  }

  #name(entry: MutableEntry, nodeId: NodeId, nowMs: number): void {
    if (entry.nodeId !== nodeId) this.#unname(entry);
    entry.nodeId = nodeId;
    let entries = this.#byNode.get(nodeId);
    if (!entries) this.#byNode.set(nodeId, (entries = new Set()));
    entries.add(entry);
    if (this.#connected.has(nodeId)) markConnected(entry, nowMs);
  }

  #unname(entry: MutableEntry): void {
    if (entry.nodeId === undefined) return;
    const entries = this.#byNode.get(entry.nodeId);
    entries?.delete(entry);
    if (entries?.size === 0) this.#byNode.delete(entry.nodeId);
  }

  #shun(nodeId: NodeId | undefined, nowMs: number): void {
    if (nodeId === undefined) return;
    this.#shunned.delete(nodeId);
    this.#shunned.set(nodeId, nowMs + shunMs);
    if (this.#shunned.size > this.settings.maxKnownPeers) this.#shunned.delete(this.#shunned.keys().next().value!);
  }

  #isShunned(nodeId: NodeId, nowMs: number): boolean {
    const untilMs = this.#shunned.get(nodeId);
    if (untilMs !== undefined && untilMs <= nowMs) this.#shunned.delete(nodeId);
    return untilMs !== undefined && untilMs > nowMs;
  }

  #remove(key: string): PeersEffect[] {
    const entry = this.#entries.get(key);
    if (!entry) return [];
    this.#entries.delete(key);
    this.#unname(entry);
    return this.#dials.has(key) ? [{ kind: 'abandon', key }] : [];
  }

  #hint(key: string, evenIfRefused: boolean): PeersEffect[] {
    const entry = this.#entries.get(key);
    if (entry?.state.kind === 'waiting' || (evenIfRefused && entry?.state.kind === 'refused')) entry.state = { kind: 'ready' };
    return [];
  }

  #reached(key: string, nodeId: NodeId, nowMs: number): PeersEffect[] {
    const entry = this.#entries.get(key);
    if (!entry) return [];
    this.#name(entry, nodeId, nowMs);
    const twin = entry.key === nodeId ? undefined : this.#entries.get(nodeId);
    const effects = twin?.origin === 'learned' ? this.#remove(nodeId) : [];
    // The session may be gone again by now: its end was told before this.
    if (!this.#connected.has(nodeId) && entry.state.kind === 'dialling') this.#pause(entry, undefined, false, nowMs);
    return effects;
  }

  #failed(key: string, failure: PeerFailure, nowMs: number): PeersEffect[] {
    const entry = this.#entries.get(key);
    if (!entry || entry.state.kind === 'connected') return [];
    this.#pause(entry, failure, refusals.has(failure.code), nowMs);
    if (!this.#isHopeless(entry)) return [];
    this.#shun(entry.nodeId, nowMs);
    return [...this.#remove(key), { kind: 'forget', nodeId: entry.nodeId! }];
  }

  #pause(entry: MutableEntry, failure: PeerFailure | undefined, refused: boolean, nowMs: number): void {
    entry.failures++;
    entry.lastFailure = failure;
    entry.state = refused
      ? { kind: 'refused', untilMs: nowMs + refusalMs(this.random, this.settings) }
      : { kind: 'waiting', untilMs: nowMs + backoffMs(entry.failures, this.random, this.settings) };
  }

  #isHopeless(entry: PeerEntry): boolean {
    if (entry.origin !== 'learned') return false;
    if (entry.state.kind === 'refused' && !entry.everConnected) return true;
    if (this.#connected.size === 0) return false;
    return entry.failures >= (entry.everConnected ? patience.acquaintance : patience.stranger);
  }

  #lost(nodeId: NodeId, refusal: PeerFailure | undefined, nowMs: number): PeersEffect[] {
    this.#connected.delete(nodeId);
    for (const entry of this.#byNode.get(nodeId) ?? []) {
      if (entry.state.kind !== 'connected') continue;
      if (nowMs - entry.state.sinceMs >= stableAfterMs) entry.failures = 0;
      this.#pause(entry, refusal, refusal !== undefined, nowMs);
    }
    return [];
  }

  /** Makes room for a learned peer at the cost of the one that failed most. */
  #evictOne(): boolean {
    let worst: MutableEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.origin !== 'learned' || entry.state.kind === 'connected' || this.#dials.has(entry.key)) continue;
      if (!worst || isWorse(entry, worst)) worst = entry;
    }
    if (!worst || worst.failures === 0) return false;
    this.#remove(worst.key);
    return true;
  }

  #dialDue(): PeersEffect[] {
    if (this.#dials.size >= maxParallelDials) return [];
    const due = [...this.#entries.values()].filter((entry) => entry.state.kind === 'ready' && !this.#isBeingDialled(entry));
    due.sort((a, b) => rank[a.origin] - rank[b.origin] || Number(b.everConnected) - Number(a.everConnected) || a.failures - b.failures);
    const effects: PeersEffect[] = [];
    for (const entry of due) {
      if (this.#dials.size >= maxParallelDials) break;
      if (entry.origin === 'learned' && this.#connected.size + this.#dials.size >= this.settings.maxPeers) continue;
      if (this.#isBeingDialled(entry)) continue;
      entry.state = { kind: 'dialling' };
      this.#dials.set(entry.key, entry.nodeId);
      effects.push({ kind: 'dial', key: entry.key });
    }
    return effects;
  }

  #isBeingDialled(entry: PeerEntry): boolean {
    if (this.#dials.has(entry.key)) return true;
    if (entry.nodeId === undefined) return false;
    for (const nodeId of this.#dials.values()) if (nodeId === entry.nodeId) return true;
    return false;
  }
}

const rank: Record<PeerOrigin, number> = { configured: 0, wanted: 1, learned: 2 };

function markConnected(entry: MutableEntry, nowMs: number): void {
  if (entry.state.kind !== 'connected') entry.state = { kind: 'connected', sinceMs: nowMs };
  entry.everConnected = true;
  entry.lastFailure = undefined;
}

function isWorse(a: PeerEntry, b: PeerEntry): boolean {
  if (a.everConnected !== b.everConnected) return b.everConnected;
  return a.failures > b.failures;
}
