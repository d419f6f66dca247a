import type { SocketAddress } from '../base/address.js';
import type { NatSummary, PunchMessage, WireCandidate } from '../wire/punch.js';
import type { Technique } from './technique.js';

/** What a node tells a peer of itself when it punches. */
export interface OwnSide {
  readonly nat: NatSummary;
  readonly candidates: readonly WireCandidate[];
  /** Addresses of its own interfaces, never to be probed. */
  readonly local: readonly SocketAddress[];
}

/** Room for the one attempt with many sockets and probes that a node makes at a time. */
export interface BirthdaySlot {
  /** Takes the room; false when another attempt has it. */
  take(): boolean;
  release(): void;
}

export interface PunchSettings {
  /** Pause after the second failure in a row; it doubles with each, with jitter. */
  readonly punchRetryMinMs: number;
  readonly punchRetryMaxMs: number;
}

export type PunchEvent =
  /** Packets to the peer take a relay: from now on a direct path is wanted. */
  | { readonly type: 'relayed' }
  /** Packets to the peer take a direct path, or another one. @property sinceMs Clock.nowMs() from which on that path worked */
  | { readonly type: 'direct'; readonly sinceMs: number }
  /** The direct path in use does not answer, and there is only a relay to fall back to. @property livedMs from its first answer until it was last heard */
  | { readonly type: 'doubted'; readonly livedMs: number }
  /** That is over: it answers again, or packets took another path, which was told before. */
  | { readonly type: 'doubt-over' }
  /** Own addresses, or what is known of the own NAT, changed. */
  | { readonly type: 'network-changed' }
  | { readonly type: 'message'; readonly message: PunchMessage }
  /** Answers 'measure': the new socket and its outer address, undefined where there is none or nobody told it. */
  | { readonly type: 'measured'; readonly attempt: number; readonly socket: number | undefined; readonly address: SocketAddress | undefined }
  /** Answers 'locate': hosts that somebody other than the peer has seen it at. */
  | { readonly type: 'located'; readonly attempt: number; readonly hosts: readonly string[] }
  /** Answers 'open-sockets'. */
  | { readonly type: 'sockets-opened'; readonly attempt: number; readonly sockets: readonly number[] };

export type PunchEffect =
  | { readonly type: 'send'; readonly message: PunchMessage }
  /** Open a new socket and find out under which address it is seen outside. */
  | { readonly type: 'measure'; readonly attempt: number }
  /** Find out at which hosts others see the peer. */
  | { readonly type: 'locate'; readonly attempt: number }
  | { readonly type: 'open-sockets'; readonly attempt: number; readonly count: number }
  /** Send a probe of the connection to each address, in this order. @property socket a side socket; undefined: the node's own */
  | { readonly type: 'probe'; readonly socket: number | undefined; readonly addresses: readonly SocketAddress[] }
  /** Packets are to leave the direct path in use for the next other one that answers. */
  | { readonly type: 'renew' }
  /** The attempt is over: side sockets no path goes through can be closed. */
  | { readonly type: 'close-sockets'; readonly attempt: number }
  | { readonly type: 'report'; readonly report: PunchReport };

/**
 * direct: packets take a direct path now; failed: nothing answered; unanswered: the peer did not take part; busy, rate-limited, off: it
 * said why; overtaken: another attempt took its place; unverified: the address to spray at is not known to be the peer's.
 */
export type PunchOutcome = 'direct' | 'failed' | 'unanswered' | 'busy' | 'rate-limited' | 'off' | 'overtaken' | 'unverified';

/** What became of an attempt. */
export interface PunchReport {
  readonly attempt: number;
  readonly role: 'initiator' | 'responder';
  readonly technique: Technique | undefined;
  readonly outcome: PunchOutcome;
  readonly ownNat: NatSummary;
  readonly peerNat: NatSummary | undefined;
  readonly ownCandidates: readonly WireCandidate[];
  readonly peerCandidates: readonly WireCandidate[];
  readonly probes: number;
  /** From the offer to the outcome. */
  readonly durationMs: number;
  /** From when both sides knew the candidates and were to begin; undefined where it did not get that far. */
  readonly punchingMs: number | undefined;
  /** Clock.nowMs() of the outcome. */
  readonly atMs: number;
}
