import type { RandomSource } from '../base/random.js';
import { TokenBucket } from '../base/token-bucket.js';
import type { PunchEndReason, PunchMessage } from '../wire/punch.js';
import { birthdaySockets } from './birthday-core.js';
import { PathRenewal } from './path-renewal.js';
import { predictCandidates } from './port-prediction.js';
import { PunchAttempt } from './punch-attempt.js';
import { isForeseeable } from './technique.js';
import type { BirthdaySlot, OwnSide, PunchEffect, PunchEvent, PunchOutcome, PunchReport, PunchSettings } from './punch-types.js';

export interface PunchComponents {
  /** Ids as 64 hex characters; the smaller one begins, and wins when both begin at once. */
  readonly nodeId: string;
  readonly peerId: string;
  readonly random: RandomSource;
  readonly slot: BirthdaySlot;
  /** What is known of this node now. */
  own(): OwnSide;
  /** Whether somebody other than the peer has seen the peer at this address. */
  isPeerHost(host: string): boolean;
}

/** Offers of the peer that are taken up: a few at once, as networks change, then one in five seconds. Bounds what a peer can make this node send. */
const offerBurst = 4;
const offersPerSecond = 0.2;
/** The node with the larger id leaves the other this long to begin. */
const deferenceMs = 1000;
/** Longest wait for the peer's part of the exchange, and for a socket to be opened and measured. */
const exchangeTimeoutMs = 5000;
const measureTimeoutMs = 1500;
/** A direct path that lasted this long makes up for earlier failures. */
const stableAfterMs = 60_000;
/** Until the peer, or this node, is done with another attempt that needs many sockets. */
const busyRetryMs = 5000;
/** Attempt numbers are this many bits. */
const attemptBits = 31;

type Stage =
  /** Packets take a direct path, to be replaced at that time, or none is wanted yet. */
  | { readonly name: 'idle' }
  /** Until the next attempt. */
  | { readonly name: 'waiting'; readonly untilMs: number }
  /** Offer sent, no answer yet. */
  | { readonly name: 'offered'; readonly attempt: PunchAttempt; readonly untilMs: number }
  /** A socket is being measured, or many are being opened. */
  | { readonly name: 'preparing'; readonly attempt: PunchAttempt; readonly sinceMs: number; readonly untilMs: number }
  /** Answer sent, the peer says when to begin. */
  | { readonly name: 'answered'; readonly attempt: PunchAttempt; readonly untilMs: number }
  /** Told the peer to begin; half a round trip later this side does. */
  | { readonly name: 'starting'; readonly attempt: PunchAttempt; readonly untilMs: number }
  | { readonly name: 'punching'; readonly attempt: PunchAttempt };

const idle: Stage = { name: 'idle' };

/**
 * Gets a direct path to one peer whose packets take a relay: exchanges candidates over the connection itself, has both sides
 * begin at the same time, probes, and tries again with growing pauses until packets take a direct path. Nothing depends on its
 * success. No I/O: the shell reports events, calls handleTimeout() at nextDeadline() and carries out effects.
 * @see https://github.com/libp2p/specs/blob/master/relay/DCUtR.md for the exchange and the synchronised start
 */
export class PunchCore {
  readonly #parts: PunchComponents;
  readonly #settings: PunchSettings;
  readonly #offers = new TokenBucket(offerBurst, offersPerSecond);
  readonly #isSmaller: boolean;
  #stage: Stage = idle;
  #wanted = false;
  /** Failures in a row. */
  #failures = 0;
  #directSinceMs: number | undefined;
  readonly #renewal = new PathRenewal();
  #effects: PunchEffect[] = [];

  constructor(components: PunchComponents, settings: PunchSettings) {
    this.#parts = components;
    this.#settings = settings;
    this.#isSmaller = components.nodeId < components.peerId;
  }

  /** What goes on, for people. */
  get stage(): Stage['name'] {
    return this.#stage.name;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Clock.nowMs() of the next attempt by this side, where one is planned. */
  get nextAttemptMs(): number | undefined {
    return this.#stage.name === 'waiting' ? this.#stage.untilMs : undefined;
  }

  handle(event: PunchEvent, nowMs: number): readonly PunchEffect[] {
    switch (event.type) {
      case 'relayed':
        this.#relayed(nowMs);
        break;
      case 'direct':
        this.#direct(event.sinceMs, nowMs);
        break;
      case 'doubted':
        this.#renewal.doubted(event.livedMs, nowMs);
        break;
      case 'doubt-over':
        this.#renewal.doubtOver(nowMs);
        break;
      case 'network-changed':
        this.#networkChanged(nowMs);
        break;
      case 'message':
        this.#received(event.message, nowMs);
        break;
      case 'measured':
        this.#measured(event, nowMs);
        break;
      case 'located':
        this.#located(event, nowMs);
        break;
      case 'sockets-opened':
        this.#socketsOpened(event, nowMs);
        break;
    }
    return this.#take();
  }

  /** The session is over: gives back what an attempt holds. */
  stop(nowMs: number): readonly PunchEffect[] {
    this.#wanted = false;
    const stage = this.#stage;
    if ('attempt' in stage) this.#finish(stage.attempt, 'overtaken', nowMs);
    this.#stage = idle;
    return this.#take();
  }

  nextDeadline(): number | undefined {
    const stage = this.#stage;
    if (stage.name === 'idle') return this.#renewal.dueMs === Infinity ? undefined : this.#renewal.dueMs + this.#deferenceMs;
    return stage.name === 'punching' ? stage.attempt.deadlineMs : stage.untilMs;
  }

  handleTimeout(nowMs: number): readonly PunchEffect[] {
    const stage = this.#stage;
    const dueMs = this.nextDeadline();
    if (dueMs === undefined || dueMs > nowMs) return [];
    switch (stage.name) {
      case 'idle':
        this.#renewal.begun();
        this.#effects.push({ type: 'renew' });
        this.#offer(nowMs, true);
        break;
      case 'waiting':
        this.#offer(nowMs);
        break;
      case 'offered':
      case 'answered':
        this.#end(stage.attempt, 'unanswered', nowMs);
        break;
      case 'preparing':
        // Without the socket: some candidates may do.
        this.#prepared(stage.attempt, this.#heldMs(nowMs), nowMs);
        break;
      case 'starting':
        this.#begin(stage.attempt, nowMs);
        break;
      case 'punching':
        this.#punch(stage.attempt, nowMs);
        break;
    }
    return this.#take();
  }

  #take(): readonly PunchEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #relayed(nowMs: number): void {
    if (this.#wanted) return;
    this.#wanted = true;
    if (this.#directSinceMs !== undefined && nowMs - this.#directSinceMs >= stableAfterMs) this.#failures = 0;
    this.#directSinceMs = undefined;
    this.#renewal.relayed();
    if (this.#stage.name === 'idle') this.#wait(this.#pauseMs(), nowMs);
  }

  #direct(sinceMs: number, nowMs: number): void {
    this.#wanted = false;
    this.#directSinceMs ??= nowMs;
    this.#renewal.direct(sinceMs, nowMs);
    const stage = this.#stage;
    if (stage.name === 'waiting') this.#stage = idle;
    if (!('attempt' in stage)) return;
    if (stage.attempt.isPunching) this.#finish(stage.attempt, 'direct', nowMs);
    else if (stage.attempt.role === 'initiator') this.#finish(stage.attempt, 'overtaken', nowMs);
  }

  #networkChanged(nowMs: number): void {
    this.#failures = 0;
    this.#renewal.forget(nowMs);
    const stage = this.#stage;
    // What was offered, and the way that was chosen by it, hold no more.
    if (this.#wanted && 'attempt' in stage) this.#finish(stage.attempt, 'overtaken', nowMs);
    else if (stage.name !== 'waiting') return;
    this.#offer(nowMs);
  }

  #received(message: PunchMessage, nowMs: number): void {
    if (message.type === 'offer') return this.#offered(message, nowMs);
    const stage = this.#stage;
    if (!('attempt' in stage) || stage.attempt.number !== message.attempt) return;
    const { attempt } = stage;
    switch (message.type) {
      case 'answer':
        if (stage.name !== 'offered') return;
        attempt.rttMs = Math.max(0, nowMs - attempt.beganMs - message.heldMs);
        attempt.learn(message.nat, message.candidates);
        return this.#prepare(attempt, nowMs);
      case 'start':
        if (stage.name !== 'answered') return;
        attempt.learnMore(message.candidates);
        return this.#begin(attempt, nowMs);
      case 'end':
        if (!attempt.isPunching) this.#end(attempt, message.reason, nowMs);
    }
  }

  #offer(nowMs: number, isRenewal = false): void {
    const own = this.#parts.own();
    const attempt = new PunchAttempt(this.#parts.random.integer(2 ** attemptBits), 'initiator', own, nowMs);
    attempt.isRenewal = isRenewal;
    this.#send({ type: 'offer', attempt: attempt.number, nat: own.nat, candidates: own.candidates });
    this.#stage = { name: 'offered', attempt, untilMs: nowMs + exchangeTimeoutMs };
  }

  #offered(offer: Extract<PunchMessage, { type: 'offer' }>, nowMs: number): void {
    const stage = this.#stage;
    // Both began at once: the offer of the smaller id counts.
    if (stage.name === 'offered' && this.#isSmaller) return;
    if (!this.#offers.take(nowMs)) return this.#send({ type: 'end', attempt: offer.attempt, reason: 'rate-limited' });
    if ('attempt' in stage) this.#finish(stage.attempt, 'overtaken', nowMs);
    const attempt = new PunchAttempt(offer.attempt, 'responder', this.#parts.own(), nowMs);
    attempt.learn(offer.nat, offer.candidates);
    // To the peer the path that has been in use here for a while is dead, or soon will be.
    attempt.isRenewal = this.#renewal.isMeantBy(nowMs);
    if (attempt.isRenewal) this.#effects.push({ type: 'renew' });
    this.#prepare(attempt, nowMs);
  }

  /** Opens what sockets the technique needs before the other side is told. */
  #prepare(attempt: PunchAttempt, nowMs: number): void {
    const { technique } = attempt;
    this.#stage = { name: 'preparing', attempt, sinceMs: nowMs, untilMs: nowMs + measureTimeoutMs };
    if (technique?.kind === 'birthday') {
      if (attempt.verifyTarget(this.#parts.isPeerHost)) return this.#prepareMany(attempt, nowMs);
      return void this.#effects.push({ type: 'locate', attempt: attempt.number });
    }
    if (this.#wantsFreshSocket(attempt)) {
      return void this.#effects.push({ type: 'measure', attempt: attempt.number });
    }
    this.#prepared(attempt, 0, nowMs);
  }

  /** Where many probes go is known to be the peer's: takes the room for them, and opens what sockets it takes. */
  #prepareMany(attempt: PunchAttempt, nowMs: number): void {
    attempt.hasSlot = this.#parts.slot.take();
    if (!attempt.hasSlot) {
      this.#send({ type: 'end', attempt: attempt.number, reason: 'busy' });
      return this.#end(attempt, 'busy', nowMs);
    }
    const opens = attempt.technique?.kind === 'birthday' && attempt.technique.opener === 'own';
    if (opens) this.#effects.push({ type: 'open-sockets', attempt: attempt.number, count: birthdaySockets });
    else this.#prepared(attempt, this.#heldMs(nowMs), nowMs);
  }

  #located({ attempt: number, hosts }: Extract<PunchEvent, { type: 'located' }>, nowMs: number): void {
    const stage = this.#stage;
    if (stage.name !== 'preparing' || stage.attempt.number !== number || stage.attempt.hasSlot) return;
    if (stage.attempt.verifyTarget((host) => hosts.includes(host))) this.#prepareMany(stage.attempt, nowMs);
    else this.#prepared(stage.attempt, this.#heldMs(nowMs), nowMs);
  }

  /** How long the peer has been kept waiting. */
  #heldMs(nowMs: number): number {
    return this.#stage.name === 'preparing' ? nowMs - this.#stage.sinceMs : 0;
  }

  /**
   * Ports can only be foreseen from a mapping made just now. And where an attempt failed, the old mapping may be the reason: a packet of the
   * peer that came too early makes some routers give it another port, and some let mappings die of age.
   */
  #wantsFreshSocket({ technique, own, isRenewal }: PunchAttempt): boolean {
    if (technique?.kind === 'predict' && technique.own) return true;
    return (this.#failures > 0 || isRenewal) && own.nat.natType !== 'none' && technique?.kind !== 'relay';
  }

  #measured(event: Extract<PunchEvent, { type: 'measured' }>, nowMs: number): void {
    const stage = this.#stage;
    if (stage.name !== 'preparing' || stage.attempt.number !== event.attempt) return void this.#effects.push({ type: 'close-sockets', attempt: event.attempt });
    const { attempt } = stage;
    const { nat } = attempt.own;
    attempt.freshSocket = event.socket;
    if (event.address && event.socket !== undefined) {
      // Also where the technique does not count on it: it has failed already, or no socket would have been measured.
      attempt.moreCandidates = isForeseeable(nat) ? predictCandidates(event.address, nat.portDelta || 1) : [{ kind: 'observed', address: event.address }];
    }
    this.#prepared(attempt, this.#heldMs(nowMs), nowMs);
  }

  #socketsOpened(event: Extract<PunchEvent, { type: 'sockets-opened' }>, nowMs: number): void {
    const stage = this.#stage;
    if (stage.name !== 'preparing' || stage.attempt.number !== event.attempt) return void this.#effects.push({ type: 'close-sockets', attempt: event.attempt });
    stage.attempt.sockets = event.sockets;
    this.#prepared(stage.attempt, this.#heldMs(nowMs), nowMs);
  }

  /** Ready: the responder answers, the initiator says when. */
  #prepared(attempt: PunchAttempt, heldMs: number, nowMs: number): void {
    const { own, moreCandidates } = attempt;
    if (attempt.role === 'responder') {
      this.#send({ type: 'answer', attempt: attempt.number, nat: own.nat, candidates: [...moreCandidates, ...own.candidates], heldMs });
      this.#stage = { name: 'answered', attempt, untilMs: nowMs + exchangeTimeoutMs };
      return;
    }
    this.#send({ type: 'start', attempt: attempt.number, candidates: moreCandidates });
    this.#stage = { name: 'starting', attempt, untilMs: nowMs + attempt.rttMs / 2 };
  }

  #begin(attempt: PunchAttempt, nowMs: number): void {
    const isFirst = this.#failures === 0 && attempt.technique?.kind !== 'relay';
    attempt.begin(nowMs, isFirst, this.#parts.random);
    this.#stage = { name: 'punching', attempt };
    this.#punch(attempt, nowMs);
  }

  #punch(attempt: PunchAttempt, nowMs: number): void {
    if (nowMs < attempt.endMs) return void this.#effects.push(...attempt.due(nowMs, this.#isSmaller));
    // It was the peer that had none yet.
    if (!this.#wanted && !attempt.isRenewal) return this.#finish(attempt, 'direct', nowMs);
    const isUnverified = attempt.technique?.kind === 'birthday' && !attempt.hasSlot;
    this.#end(attempt, isUnverified ? 'unverified' : 'failed', nowMs);
  }

  /** An attempt led to nothing; the next one is planned. */
  #end(attempt: PunchAttempt, outcome: PunchOutcome | PunchEndReason, nowMs: number): void {
    this.#finish(attempt, outcome, nowMs);
    // A path that was to be replaced goes on for as long as it does.
    if (!this.#wanted) return;
    if (outcome === 'busy') return this.#wait(busyRetryMs * (1 + this.#parts.random.float()), nowMs);
    this.#failures += 1;
    const isHopeless = outcome === 'off' || outcome === 'unverified' || attempt.technique?.kind === 'relay';
    this.#wait(isHopeless ? this.#jittered(this.#settings.punchRetryMaxMs) : this.#pauseMs(), nowMs);
  }

  #finish(attempt: PunchAttempt, outcome: PunchOutcome, nowMs: number): void {
    if (attempt.hasSlot) this.#parts.slot.release();
    attempt.hasSlot = false;
    this.#stage = idle;
    this.#effects.push({ type: 'close-sockets', attempt: attempt.number }, { type: 'report', report: attempt.report(outcome, nowMs) satisfies PunchReport });
  }

  #wait(pauseMs: number, nowMs: number): void {
    this.#stage = { name: 'waiting', untilMs: nowMs + pauseMs + this.#deferenceMs };
  }

  get #deferenceMs(): number {
    return this.#isSmaller ? 0 : deferenceMs;
  }

  /** None before a first attempt and a second one, which goes about it differently. */
  #pauseMs(): number {
    if (this.#failures < 2) return 0;
    const { punchRetryMinMs, punchRetryMaxMs } = this.#settings;
    return this.#jittered(Math.min(punchRetryMaxMs, punchRetryMinMs * 2 ** Math.min(this.#failures - 2, 16)));
  }

  /** Anything from half of it to all: two nodes do not stay in step. */
  #jittered(pauseMs: number): number {
    return pauseMs * (0.5 + this.#parts.random.float() / 2);
  }

  #send(message: PunchMessage): void {
    this.#effects.push({ type: 'send', message });
  }
}
