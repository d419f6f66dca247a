import type { RandomSource } from '../base/random.js';
import { TokenBucket } from '../base/token-bucket.js';
import type { PathStatus, Route } from './endpoint.js';
import { ReplayWindow } from './path-probe.js';
import { PathDuel } from './path-duel.js';
import { PathRoute, type RouteOrigin } from './path-route.js';
import { PunchProbes } from './punch-probes.js';
import { selectPath, trustedUntilMs, type PathReason } from './path-selector.js';
import { routeKey } from './route.js';

export { routeKey } from './route.js';

export type PathEvent =
  /** The path key is agreed: probes can be sent and verified from now on. */
  | { readonly type: 'keyed' }
  | { readonly type: 'addRoute'; readonly route: Route }
  /** Sends one probe to each of these routes at once; those that answer become usable, the others are not remembered. */
  | { readonly type: 'punch'; readonly routes: readonly Route[] }
  /** The direct routes that work now may be dead soon: packets leave them for the next other one that answers. */
  | { readonly type: 'renew' }
  /** A route cannot carry anything any more: the relay ended its session, or the connection to it is gone. */
  | { readonly type: 'routeLost'; readonly route: Route }
  /** A QUIC packet of this connection came from this route. For the selected route packetReceived() is cheaper. */
  | { readonly type: 'packetFrom'; readonly route: Route; readonly bytes: number }
  /** A verified answer came from this route. */
  | { readonly type: 'probeAnswered'; readonly route: Route; readonly transaction: string }
  /** A verified request came from this route. */
  | { readonly type: 'probeRequested'; readonly route: Route; readonly transaction: string; readonly sequence: number };

export type PathEffect =
  | { readonly type: 'sendProbe'; readonly route: Route; readonly transaction: string; readonly sequence: number }
  | { readonly type: 'sendAnswer'; readonly route: Route; readonly transaction: string; readonly sequence: number }
  /** Packets take `route` from now on, and a copy of each takes `alsoTo` where it is given. */
  | { readonly type: 'select'; readonly route: Route; readonly alsoTo: Route | undefined; readonly reason: PathReason }
  /** Probes of the selected direct route go unanswered, and only a relay could take over; or that is over. */
  | { readonly type: 'doubt'; readonly inDoubt: boolean }
  /** A route does not answer, or there is no room for it. */
  | { readonly type: 'failed'; readonly route: Route };

/** Routes that answered once: both families, a relay or two, and what a NAT that rebinds leaves behind. */
const maxProvenRoutes = 8;
/** Routes that never answered. Candidates of two multi-homed hosts fit. */
const maxUnprovenRoutes = 16;
/** Of these, routes known only from packets anybody can have sent. */
const maxObservedRoutes = 8;
/** New observed routes: one burst fills the room; then a NAT that rebinds twice a second is still followed. */
const observedPerSecond = 2;
/** All probes of a connection: one to every candidate at once, then what many paths need to stay alive. */
const probeBurst = 20;
const probesPerSecond = 16;
/** Probes of hole punching: a socket each of the largest attempt (256) beside all candidates, then the fastest spray (100 a second) beside their rounds. */
const punchBurst = 320;
const punchesPerSecond = 160;
/** Answers to a peer that probes as fast as it may, twice over. */
const answerBurst = 64;
const answersPerSecond = 32;
/** A route is probed for the packets that come from it no more often than this. */
const challengeIntervalMs = 1000;

const transactionBytes = 8;
const noEffects: readonly PathEffect[] = [];

/**
 * The routes of one connection: which are known, which are probed when, and which one packets take. No I/O: the
 * shell reports events and calls handleTimeout() at nextDeadline(), then carries out the effects.
 *
 * Packets never go to a route that has not answered an authenticated probe; the route the connection was made on
 * is the exception. A packet from elsewhere only makes that route and the selected one be probed. If it answers
 * while the selected one does not (the peer's NAT gave it another port, or it changed networks), packets follow
 * within one round trip. If the selected one answers first, nothing changes.
 */
export class PathSetCore {
  readonly #random: RandomSource;
  readonly #routes = new Map<string, PathRoute>();
  readonly #replay = new ReplayWindow();
  readonly #observedBucket = new TokenBucket(maxObservedRoutes, observedPerSecond);
  readonly #probeBucket = new TokenBucket(probeBurst, probesPerSecond);
  readonly #punches = new PunchProbes();
  readonly #punchBucket = new TokenBucket(punchBurst, punchesPerSecond);
  readonly #answerBucket = new TokenBucket(answerBurst, answersPerSecond);
  #selected: PathRoute;
  #alsoTo: PathRoute | undefined;
  #inDoubt = false;
  readonly #duel = new PathDuel();
  #keyed = false;
  #sequence = 0;
  #effects: PathEffect[] = [];

  /** @param initialRoute the route the connection is being made on */
  constructor(components: { random: RandomSource }, initialRoute: Route) {
    this.#random = components.random;
    this.#selected = new PathRoute(initialRoute, 'initial');
    this.#routes.set(this.#selected.key, this.#selected);
  }

  /** The route packets take. */
  get selected(): Route {
    return this.#selected.route;
  }

  /** The route that gets a copy of each packet, while the selected one is in doubt. */
  get alsoTo(): Route | undefined {
    return this.#alsoTo?.route;
  }

  /** Whether packets could take another route than the selected one some day. */
  get hasAlternative(): boolean {
    return this.#routes.size > 1;
  }

  statuses(): PathStatus[] {
    return [...this.#routes.values()].map((one) => one.status(one === this.#selected));
  }

  /** A QUIC packet went out on the selected route, and on alsoTo where there is one. Allocates nothing. */
  packetSent(bytes: number, nowMs: number): void {
    this.#selected.packetSent(bytes, nowMs);
    this.#alsoTo?.packetSent(bytes, nowMs);
  }

  /**
   * A QUIC packet of this connection came from the selected route: the quick way in for the usual case. When
   * alsoTo is set, use handle() instead: the packet may end the doubt. Allocates nothing.
   */
  packetReceived(bytes: number, nowMs: number): void {
    this.#selected.packetReceived(bytes, nowMs);
  }

  /** @param nowMs Clock.nowMs() @returns effects, to be carried out in this order */
  handle(event: PathEvent, nowMs: number): readonly PathEffect[] {
    switch (event.type) {
      case 'keyed':
        this.#keyed = true;
        for (const one of this.#routes.values()) one.probeSoon(nowMs);
        break;
      case 'addRoute':
        this.#add(event.route, nowMs);
        break;
      case 'punch':
        for (const route of event.routes) this.#punch(route, nowMs);
        break;
      case 'renew':
        for (const one of this.#routes.values()) one.aging = one.route.kind === 'direct' && one.state === 'usable';
        break;
      case 'routeLost':
        this.#lose(event.route);
        break;
      case 'packetFrom':
        this.#packetFrom(event.route, event.bytes, nowMs);
        break;
      case 'probeAnswered':
        this.#probeAnswered(event.route, event.transaction, nowMs);
        break;
      case 'probeRequested':
        this.#probeRequested(event.route, event.transaction, event.sequence, nowMs);
        break;
    }
    return this.#settle(nowMs);
  }

  /**
   * When handleTimeout() is to be called next, or undefined for never. Sending or receiving packets moves it, both
   * ways: calling early does no harm.
   */
  nextDeadline(): number | undefined {
    if (!this.#keyed) return undefined;
    let deadlineMs = Number.POSITIVE_INFINITY;
    let alternative = false;
    for (const one of this.#routes.values()) {
      deadlineMs = Math.min(deadlineMs, one.dueMs(one === this.#selected));
      alternative ||= one !== this.#selected && one.state === 'usable';
    }
    deadlineMs = Math.min(deadlineMs, this.#duel.dueMs);
    if (alternative && !this.#alsoTo) deadlineMs = Math.min(deadlineMs, trustedUntilMs(this.#selected));
    return deadlineMs === Number.POSITIVE_INFINITY ? undefined : deadlineMs;
  }

  handleTimeout(nowMs: number): readonly PathEffect[] {
    return this.#settle(nowMs);
  }

  #packetFrom(route: Route, bytes: number, nowMs: number): void {
    const from = this.#routes.get(routeKey(route)) ?? this.#observe(route, nowMs);
    if (!from) return;
    from.packetReceived(bytes, nowMs);
    if (from !== this.#selected) this.#challenge(from, nowMs);
  }

  #probeAnswered(route: Route, transaction: string, nowMs: number): void {
    for (const asked of this.#routes.values()) {
      const sentMs = asked.take(transaction);
      if (sentMs === undefined) continue;
      // A NAT on the peer's side may answer from another port than the one asked: that one is asked itself.
      if (asked.key !== routeKey(route)) this.#peerProbed(route, nowMs);
      else {
        asked.answered(sentMs, nowMs);
        this.#duel.answered(asked.key, sentMs, nowMs);
        this.#forgetStalest(asked);
      }
      return;
    }
    const punched = this.#punches.take(transaction);
    if (!punched) return;
    if (punched.key === routeKey(route)) this.#punchAnswered(route, punched.sentMs, nowMs);
    else this.#peerProbed(route, nowMs);
  }

  /** Sends one probe on a route that need not be known. */
  #punch(route: Route, nowMs: number): void {
    if (!this.#keyed || !this.#punchBucket.take(nowMs)) return;
    const transaction = this.#newTransaction();
    this.#punches.sent(transaction, routeKey(route), nowMs);
    this.#effects.push({ type: 'sendProbe', route, transaction, sequence: this.#nextSequence() });
  }

  #punchAnswered(route: Route, sentMs: number, nowMs: number): void {
    const key = routeKey(route);
    // Whatever room there is: it is proven, and of those the stalest goes.
    const answered = this.#routes.get(key) ?? new PathRoute(route, 'added');
    this.#routes.set(key, answered);
    answered.answered(sentMs, nowMs);
    this.#forgetStalest(answered);
  }

  #probeRequested(route: Route, transaction: string, sequence: number, nowMs: number): void {
    if (!this.#keyed || !this.#replay.accept(sequence) || !this.#answerBucket.take(nowMs)) return;
    this.#effects.push({ type: 'sendAnswer', route, transaction, sequence });
    this.#peerProbed(route, nowMs);
  }

  /** The peer itself, authenticated, was heard on a route. */
  #peerProbed(route: Route, nowMs: number): void {
    const known = this.#routes.get(routeKey(route));
    if (known) {
      known.heard(nowMs);
      if (known.origin === 'observed') known.origin = 'added';
      // Not for a usable route: each side's keepalives would set off the other's.
      if (known !== this.#selected && known.state !== 'usable') this.#challenge(known, nowMs);
      return;
    }
    const added = this.#admit(route, 'added');
    if (!added) return;
    added.heard(nowMs);
    this.#challenge(added, nowMs);
  }

  #add(route: Route, nowMs: number): void {
    const known = this.#routes.get(routeKey(route));
    if (!known) {
      const added = this.#admit(route, 'added');
      if (added) added.probeSoon(nowMs);
      else this.#effects.push({ type: 'failed', route });
      return;
    }
    if (known.origin === 'observed') known.origin = 'added';
    if (known.state === 'failed') known.revive(nowMs);
  }

  #lose(route: Route): void {
    const known = this.#routes.get(routeKey(route));
    if (!known) return;
    known.lose();
    // The selected one stays, though useless, until another takes its place: there is always one.
    if (known !== this.#selected) this.#routes.delete(known.key);
    this.#effects.push({ type: 'failed', route });
  }

  /** Probes a route the peer is heard on, and the selected one with it: which of them answers decides. */
  #challenge(route: PathRoute, nowMs: number): void {
    if (nowMs - route.challengedMs < challengeIntervalMs) return;
    route.challengedMs = nowMs;
    this.#selected.probeSoon(nowMs);
    route.probeSoon(nowMs);
  }

  #observe(route: Route, nowMs: number): PathRoute | undefined {
    let observed = 0;
    for (const one of this.#routes.values()) if (one.origin === 'observed' && !one.proven) observed += 1;
    if (observed >= maxObservedRoutes || !this.#observedBucket.take(nowMs)) return undefined;
    return this.#admit(route, 'observed');
  }

  #admit(route: Route, origin: RouteOrigin): PathRoute | undefined {
    const unproven = [...this.#routes.values()].filter((one) => !one.proven);
    if (unproven.length >= maxUnprovenRoutes) {
      const others = unproven.filter((one) => one !== this.#selected);
      const victim = others.find((one) => one.state === 'failed') ?? others.find((one) => one.origin === 'observed' && origin !== 'observed');
      if (!victim) return undefined;
      this.#routes.delete(victim.key);
    }
    const admitted = new PathRoute(route, origin);
    this.#routes.set(admitted.key, admitted);
    return admitted;
  }

  /** Makes room when a NAT rebinds faster than the routes it left behind fail. */
  #forgetStalest(answered: PathRoute): void {
    const proven = [...this.#routes.values()].filter((one) => one.proven);
    if (proven.length <= maxProvenRoutes) return;
    const spare = proven.filter((one) => one !== this.#selected && one !== answered);
    const stalest = spare.reduce((a, b) => (b.lastAnswerMs < a.lastAnswerMs ? b : a));
    this.#routes.delete(stalest.key);
  }

  #settle(nowMs: number): readonly PathEffect[] {
    if (this.#keyed) {
      this.#compare(nowMs);
      this.#serve(this.#selected, nowMs);
      for (const one of this.#routes.values()) this.#serve(one, nowMs);
      this.#choose(nowMs);
    }
    if (this.#effects.length === 0) return noEffects;
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Has the selected path and one of the same kind that seems to be faster probed at the same time. */
  #compare(nowMs: number): void {
    if (this.#routes.size === 1) return;
    const { kind } = this.#selected.route;
    this.#duel.consider(this.#selected, [...this.#routes.values()].filter((one) => one !== this.#selected && one.route.kind === kind && one.state === 'usable' && !one.aging), nowMs);
    for (const key of this.#duel.due(nowMs)) this.#routes.get(key)?.probeSoon(nowMs);
  }

  /** Does what is due on a route: sends a probe, gives up, or forgets it. */
  #serve(one: PathRoute, nowMs: number): void {
    const selected = one === this.#selected;
    if (one.dueMs(selected) > nowMs) return;
    if (one.exhausted) {
      one.fail(nowMs, selected);
      this.#effects.push({ type: 'failed', route: one.route });
      if (one.origin === 'observed' && !one.proven && !selected) this.#routes.delete(one.key);
      return;
    }
    if (one.forgotten && !selected) {
      this.#routes.delete(one.key);
      return;
    }
    if (!this.#probeBucket.take(nowMs)) {
      one.postpone(nowMs + this.#probeBucket.waitMs(nowMs));
      return;
    }
    const transaction = this.#newTransaction();
    one.probeSent(transaction, nowMs, selected);
    this.#effects.push({ type: 'sendProbe', route: one.route, transaction, sequence: this.#nextSequence() });
  }

  #newTransaction(): string {
    return Buffer.from(this.#random.bytes(transactionBytes)).toString('hex');
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence - 1;
  }

  #choose(nowMs: number): void {
    if (this.#routes.size === 1 && !this.#alsoTo) return;
    const views = [...this.#routes.values()].map((one) => one.view(this.#peerMovedTo(one), one.key === this.#duel.winner));
    const choice = selectPath(views, this.#selected.key, nowMs);
    const selected = this.#routes.get(choice.key)!;
    const alsoTo = choice.alsoTo === undefined ? undefined : this.#routes.get(choice.alsoTo);
    if (selected !== this.#selected || alsoTo !== this.#alsoTo) this.#select(selected, alsoTo, choice.reason, nowMs);
    // Silence alone is no doubt: nothing may have been sent.
    const inDoubt = selected.route.kind === 'direct' && selected.unanswered > 0 && alsoTo?.route.kind === 'relay';
    if (inDoubt !== this.#inDoubt) this.#effects.push({ type: 'doubt', inDoubt });
    this.#inDoubt = inDoubt;
  }

  #select(selected: PathRoute, alsoTo: PathRoute | undefined, reason: PathReason, nowMs: number): void {
    if (selected !== this.#selected) {
      this.#duel.changed(selected.key, nowMs);
      if (this.#selected.lost) this.#routes.delete(this.#selected.key);
    }
    this.#selected = selected;
    this.#alsoTo = alsoTo;
    this.#effects.push({ type: 'select', route: selected.route, alsoTo: alsoTo?.route, reason });
    if (alsoTo && selected.unanswered > 0) {
      // The way out should be known to be open before the selected route is given up.
      alsoTo.probeSoon(nowMs);
      this.#serve(alsoTo, nowMs);
    }
  }

  #peerMovedTo(one: PathRoute): boolean {
    const selected = this.#selected;
    // A relay knows where the peer is: that the peer sends through another one is its own affair, unless this one is silent.
    if (one.route.kind === 'relay' && selected.unanswered === 0) return false;
    const comesFromHere = one.lastPacketMs > (selected.lastSeenMs ?? Number.NEGATIVE_INFINITY);
    return comesFromHere && one.lastAnswerMs > one.challengedMs && selected.lastAnswerMs < one.challengedMs;
  }
}
