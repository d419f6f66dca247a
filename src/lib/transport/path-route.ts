import type { PathStatus, Route } from './endpoint.js';
import type { PathView } from './path-selector.js';
import { routeKey } from './route.js';

/**
 * How a route became known. initial: the connection was made on it; added: by the layers above, or by a probe the
 * peer authenticated; observed: a packet came from it, which anybody can have sent.
 */
export type RouteOrigin = 'initial' | 'added' | 'observed';

/** Silence before a path is probed while packets sent on it go unanswered (NAT.md: active 3–5 s). */
const activeProbeMs = 3000;
/** The same for a path at rest, and for one that is not selected: NAT mappings of 20 s stay alive. */
const idleProbeMs = 15_000;

/** Tries before a route is given up: one that never answered, and one that did and may merely be lossy. */
const candidateTries = 3;
const usableTries = 4;

/** Retransmission timer of a first try; it doubles with each. Unknown round trip: three tries in 3.5 s. */
const unknownRttTimeoutMs = 500;
const minTimeoutMs = 200;
const maxTimeoutMs = 2000;

/** A failed route is asked again after 1, 2, 4 … s; the selected one never rarer than every 5 s, as it may be the only one. */
const firstRetryMs = 1000;
const maxSelectedRetryMs = 5000;
const maxRetryMs = 60_000;
/** About three minutes of retries; what does not come back in that time is forgotten. */
const retriesOfFailed = 8;

/** Outstanding requests remembered, so that a slow answer to an earlier try still counts. */
const rememberedRequests = 4;
/** Weight of a new round-trip sample: settles in a few probes, ignores one odd one. */
const rttGain = 0.25;

/** What probing knows of one route of a connection. */
export class PathRoute {
  readonly key: string;
  state: PathStatus['state'] = 'candidate';
  rttMs: number | undefined;
  /** Last packet or authenticated probe on it. */
  lastSeenMs: number | undefined;
  /** Last QUIC packet that came by it. */
  lastPacketMs = Number.NEGATIVE_INFINITY;
  lastAnswerMs = Number.NEGATIVE_INFINITY;
  /** When the peer's packets on it last made us probe it and the selected route at once. */
  challengedMs = Number.NEGATIVE_INFINITY;
  bytesSent = 0;
  bytesReceived = 0;
  /** The answer that made it usable. */
  usableSinceMs: number | undefined;
  /** Packets are to leave it for one that answers from now on. */
  aging = false;
  /** It cannot carry anything any more, whatever is tried. */
  lost = false;

  #firstUnansweredSendMs = Number.POSITIVE_INFINITY;
  /** Probes sent in the round under way; 0 when none is. */
  #tries = 0;
  #retries = 0;
  #nextProbeMs = Number.POSITIVE_INFINITY;
  #outstanding: { readonly transaction: string; readonly sentMs: number }[] = [];

  constructor(
    readonly route: Route,
    public origin: RouteOrigin,
  ) {
    this.key = routeKey(route);
  }

  /** It answered an authenticated probe at least once. */
  get proven(): boolean {
    return this.rttMs !== undefined;
  }

  /** Probes in a row that timed out. */
  get unanswered(): number {
    return Math.max(0, this.#tries - 1);
  }

  /** A packet went out on it since it was last heard. */
  get waiting(): boolean {
    return this.#firstUnansweredSendMs !== Number.POSITIVE_INFINITY;
  }

  /** No more probes are to be sent in this round. */
  get exhausted(): boolean {
    return this.#tries >= (this.proven ? usableTries : candidateTries);
  }

  /** It failed and came to the end of its retries. */
  get forgotten(): boolean {
    return this.state === 'failed' && this.#retries > retriesOfFailed;
  }

  /** When something is to be done about it: a probe to send, or to give up. Infinity: nothing. */
  dueMs(selected: boolean): number {
    if (this.#nextProbeMs !== Number.POSITIVE_INFINITY || this.state !== 'usable') return this.#nextProbeMs;
    if (!selected) return this.lastAnswerMs + idleProbeMs;
    return Math.min(this.lastSeenMs! + idleProbeMs, this.#firstUnansweredSendMs + activeProbeMs);
  }

  /** Makes a round of probes due now unless one is under way. A failed route gets new retries. */
  probeSoon(nowMs: number): void {
    if (this.#tries > 0 || this.lost) return;
    this.#retries = 0;
    this.#nextProbeMs = nowMs;
  }

  /** Starts over with a route that failed, as if it were new. */
  revive(nowMs: number): void {
    this.state = 'candidate';
    this.probeSoon(nowMs);
  }

  postpone(untilMs: number): void {
    this.#nextProbeMs = untilMs;
  }

  probeSent(transaction: string, nowMs: number, selected: boolean): void {
    this.#outstanding.push({ transaction, sentMs: nowMs });
    if (this.#outstanding.length > rememberedRequests) this.#outstanding.shift();
    if (this.state === 'failed') {
      this.#scheduleRetry(nowMs, selected);
      return;
    }
    this.#tries += 1;
    this.#nextProbeMs = nowMs + this.#timeoutMs() * 2 ** (this.#tries - 1);
  }

  /** Takes an answer off the outstanding requests: its send time, or undefined when nothing like it was asked. */
  take(transaction: string): number | undefined {
    const request = this.#outstanding.find((one) => one.transaction === transaction);
    // All of them: what comes later of the same round is of no use, to us or to who might replay it.
    if (request) this.#outstanding = [];
    return request?.sentMs;
  }

  answered(sentMs: number, nowMs: number): void {
    const sampleMs = nowMs - sentMs;
    this.rttMs = this.rttMs === undefined ? sampleMs : this.rttMs + rttGain * (sampleMs - this.rttMs);
    if (this.state !== 'usable') {
      // What works again has new mappings on the way.
      this.usableSinceMs = nowMs;
      this.aging = false;
    }
    this.state = 'usable';
    this.lastAnswerMs = nowMs;
    this.#tries = 0;
    this.#retries = 0;
    this.#nextProbeMs = Number.POSITIVE_INFINITY;
    this.heard(nowMs);
  }

  /** Gives up the round. */
  fail(nowMs: number, selected: boolean): void {
    this.state = 'failed';
    this.#tries = 0;
    this.#retries = 0;
    this.#nextProbeMs = Number.POSITIVE_INFINITY;
    if (this.proven || selected) this.#scheduleRetry(nowMs, selected);
  }

  /** The way is gone for good: nothing is sent on it again. */
  lose(): void {
    this.lost = true;
    this.state = 'failed';
    this.#tries = 0;
    this.#outstanding = [];
    this.#nextProbeMs = Number.POSITIVE_INFINITY;
  }

  heard(nowMs: number): void {
    this.lastSeenMs = nowMs;
    this.#firstUnansweredSendMs = Number.POSITIVE_INFINITY;
  }

  packetReceived(bytes: number, nowMs: number): void {
    this.bytesReceived += bytes;
    this.lastPacketMs = nowMs;
    this.heard(nowMs);
  }

  packetSent(bytes: number, nowMs: number): void {
    this.bytesSent += bytes;
    if (nowMs < this.#firstUnansweredSendMs) this.#firstUnansweredSendMs = nowMs;
  }

  view(peerMoved: boolean, provenFaster: boolean): PathView {
    const { key, state, rttMs, lastSeenMs, waiting, unanswered, aging } = this;
    return { key, kind: this.route.kind, state, rttMs, lastSeenMs, waiting, unanswered, aging, peerMoved, provenFaster };
  }

  status(selected: boolean): PathStatus {
    const { route, state, rttMs, lastSeenMs, usableSinceMs, bytesSent, bytesReceived } = this;
    const lastPacketMs = this.lastPacketMs === Number.NEGATIVE_INFINITY ? undefined : this.lastPacketMs;
    return { route, state, selected, rttMs, lastSeenMs, usableSinceMs, lastPacketMs, bytesSent, bytesReceived };
  }

  #timeoutMs(): number {
    if (this.rttMs === undefined) return unknownRttTimeoutMs;
    return Math.min(maxTimeoutMs, Math.max(minTimeoutMs, 2 * this.rttMs));
  }

  #scheduleRetry(nowMs: number, selected: boolean): void {
    const delayMs = Math.min(selected ? maxSelectedRetryMs : maxRetryMs, firstRetryMs * 2 ** Math.min(this.#retries, 16));
    this.#retries += 1;
    this.#nextProbeMs = nowMs + delayMs;
  }
}
