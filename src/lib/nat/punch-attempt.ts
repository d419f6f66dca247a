import type { SocketAddress } from '../base/address.js';
import type { RandomSource } from '../base/random.js';
import type { NatSummary, WireCandidate } from '../wire/punch.js';
import { BirthdayOpener, BirthdaySpray } from './birthday-core.js';
import { probedCandidates } from './candidates.js';
import { pairedOrder } from './port-prediction.js';
import type { OwnSide, PunchEffect, PunchOutcome, PunchReport } from './punch-types.js';
import { chooseTechnique, type Technique } from './technique.js';

/**
 * When candidates are probed, milliseconds from the start. Close together at first: where both sides begin at the same time, the second
 * round gets through at the latest; then further apart, for what is lost and for a start that was not quite the same. Few in all, as
 * the peer chooses the addresses: 32 candidates make 15 KB at most.
 */
const rounds: readonly number[] = [0, 40, 100, 200, 400, 800, 1600, 3200];

/** Longest time for one attempt, except with many sockets (NAT.md: 5 s). */
const maxWindowMs = 5000;
/** A first attempt gives way sooner to one from new sockets: almost all that succeed do so in the first round trips. */
const minWindowMs = 1500;
const windowRoundTrips = 10;

/** One attempt at a direct path, from offer to outcome. */
export class PunchAttempt {
  readonly number: number;
  readonly role: 'initiator' | 'responder';
  readonly own: OwnSide;
  readonly beganMs: number;
  peerNat: NatSummary | undefined;
  technique: Technique | undefined;
  /** A socket opened for this attempt, so that it has a mapping of its own. */
  freshSocket: number | undefined;
  /** What was offered beside the usual: predicted ports, or where the fresh socket is seen. */
  moreCandidates: readonly WireCandidate[] = [];
  /** Sockets opened where many are needed. */
  sockets: readonly number[] = [];
  /** It is to replace a direct path that may be dead, or dead soon. */
  isRenewal = false;
  /** Whether it holds the room for many sockets. */
  hasSlot = false;
  rttMs = 0;
  #peerCandidates: readonly WireCandidate[] = [];
  #startMs: number | undefined;
  #round = 0;
  #probes = 0;
  #windowMs = maxWindowMs;
  #spray: BirthdaySpray | undefined;
  #opener: BirthdayOpener | undefined;
  #target: SocketAddress | undefined;

  constructor(number: number, role: PunchAttempt['role'], own: OwnSide, nowMs: number) {
    this.number = number;
    this.role = role;
    this.own = own;
    this.beganMs = nowMs;
  }

  get peerCandidates(): readonly WireCandidate[] {
    return this.#peerCandidates;
  }

  /** Whether both sides have been told to begin. */
  get isPunching(): boolean {
    return this.#startMs !== undefined;
  }

  /** Takes what the peer told of itself. */
  learn(nat: NatSummary, candidates: readonly WireCandidate[]): Technique {
    this.peerNat = nat;
    this.#peerCandidates = candidates;
    this.technique = chooseTechnique(this.own.nat, nat);
    return this.technique;
  }

  learnMore(candidates: readonly WireCandidate[]): void {
    this.#peerCandidates = [...this.#peerCandidates, ...candidates];
  }

  /** Chooses the peer's outer address that many probes may be sent to: one that others vouch for. Returns whether there is one. */
  verifyTarget(isPeerHost: (host: string) => boolean): boolean {
    this.#target = this.#peerCandidates.find(({ kind, address }) => kind === 'observed' && isPeerHost(address.host))?.address;
    return this.#target !== undefined;
  }

  /**
   * Begins probing.
   * @param isFirst whether to give up sooner, as another attempt follows at once
   */
  begin(nowMs: number, isFirst: boolean, random: RandomSource): void {
    this.#startMs = nowMs;
    this.#windowMs = isFirst ? Math.min(maxWindowMs, Math.max(minWindowMs, windowRoundTrips * this.rttMs)) : maxWindowMs;
    if (this.technique?.kind !== 'birthday' || !this.#target) return;
    if (this.technique.opener === 'own') this.#opener = new BirthdayOpener(this.sockets, nowMs);
    else this.#spray = new BirthdaySpray(random, nowMs);
  }

  /** When {@link due} has something to do; Infinity: never. */
  get deadlineMs(): number {
    if (this.#startMs === undefined) return Infinity;
    const nextRound = this.#round < rounds.length ? this.#startMs + rounds[this.#round]! : Infinity;
    return Math.min(nextRound, this.endMs, this.#spray?.deadlineMs ?? Infinity, this.#opener?.deadlineMs ?? Infinity);
  }

  /** When the attempt has failed. */
  get endMs(): number {
    if (this.#startMs === undefined) return Infinity;
    return this.#spray?.endMs ?? this.#opener?.endMs ?? this.#startMs + this.#windowMs;
  }

  /** Probes that are due. @param isSmaller whether this node's id is the smaller one: it decides who pairs predicted ports how */
  due(nowMs: number, isSmaller: boolean): PunchEffect[] {
    const effects: PunchEffect[] = [];
    if (this.#opener?.due(nowMs)) for (const socket of this.#opener.sockets) effects.push(probe(socket, [this.#target!]));
    const ports = this.#spray?.due(nowMs) ?? [];
    if (ports.length > 0) effects.push(probe(undefined, ports.map((port) => ({ host: this.#target!.host, port }))));
    while (this.#startMs !== undefined && this.#round < rounds.length && this.#startMs + rounds[this.#round]! <= nowMs) {
      this.#round += 1;
      effects.push(...this.#roundOf(isSmaller));
    }
    for (const effect of effects) if (effect.type === 'probe') this.#probes += effect.addresses.length;
    return effects;
  }

  /** One probe to each candidate, from the fresh socket first: the ports it gets may be the ones the peer counts on. */
  #roundOf(isSmaller: boolean): PunchEffect[] {
    const candidates = probedCandidates(this.#peerCandidates, this.own.local);
    const predicted = candidates.filter(({ kind }) => kind === 'predicted').map(({ address }) => address);
    const others = candidates.filter(({ kind }) => kind !== 'predicted').map(({ address }) => address);
    const pairs = this.technique?.kind === 'predict' && this.technique.own && this.technique.peer;
    const foreseen = pairs ? pairedOrder(predicted, isSmaller ? 'plain' : 'shifting') : predicted;
    const effects: PunchEffect[] = [];
    if (this.freshSocket !== undefined) effects.push(probe(this.freshSocket, [...foreseen, ...others]));
    effects.push(probe(undefined, [...(pairs && this.freshSocket !== undefined ? [] : foreseen), ...others]));
    return effects.filter((one) => one.type === 'probe' && one.addresses.length > 0);
  }

  report(outcome: PunchOutcome, nowMs: number): PunchReport {
    return {
      attempt: this.number,
      role: this.role,
      technique: this.technique,
      outcome,
      ownNat: this.own.nat,
      peerNat: this.peerNat,
      ownCandidates: [...this.own.candidates, ...this.moreCandidates],
      peerCandidates: this.#peerCandidates,
      probes: this.#probes,
      durationMs: nowMs - this.beganMs,
      punchingMs: this.#startMs === undefined ? undefined : nowMs - this.#startMs,
      atMs: nowMs,
    };
  }
}

function probe(socket: number | undefined, addresses: readonly SocketAddress[]): PunchEffect {
  return { type: 'probe', socket, addresses };
}
