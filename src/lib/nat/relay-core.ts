import type { RandomSource } from '../base/random.js';
import { TokenBucket } from '../base/token-bucket.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';

export type RelaySettings = Pick<
  Settings,
  | 'relay'
  | 'relayMaxReservations'
  | 'relayMaxSessions'
  | 'relayMaxSessionsPerPeer'
  | 'relayReservationMs'
  | 'relayIdleMs'
  | 'relayMaxAgeMs'
  | 'relaySessionBytes'
  | 'relayPeerBytes'
  | 'relayTotalBytes'
>;

/** Why a relay refuses what it is asked for. */
export type RelayRefusal =
  /** It does not relay. */
  | 'disabled'
  /** It serves no more reservations. */
  | 'reservations'
  /** The node asked for holds no reservation. */
  | 'no-reservation'
  /** It carries no more sessions. */
  | 'sessions'
  /** One of the two nodes has no more sessions left. */
  | 'sessions-of-peer'
  /** The asker, or the node asked for, is itself reached through a relay. */
  | 'not-direct'
  /** The asker is no end of that session. */
  | 'no-session'
  /** The asker asks too often. */
  | 'requests';

/** Why a relay ends a session. */
export type RelayEnd = 'idle' | 'age' | 'peer-gone' | 'closed' | 'made-room' | 'stopping';

/** Why a relay drops a datagram. */
export type RelayDrop = 'relay-rate-session' | 'relay-rate-peer' | 'relay-rate';

/** One session: a pair of nodes and what they used of it. */
export interface RelaySession {
  /** 16 hex digits. */
  readonly id: string;
  /** Who asked for it, and the node with the reservation. */
  readonly ends: readonly [NodeId, NodeId];
  readonly startedMs: number;
  /** Last datagram of any kind. */
  lastMs: number;
  /** Last datagram that was more than a path probe. */
  lastPacketMs: number;
  bytes: number;
}

interface KeptSession extends RelaySession {
  readonly bucket: TokenBucket;
  readonly payers: readonly [Peer, Peer];
}

/** A node that has a reservation or sessions. */
interface Peer {
  readonly bucket: TokenBucket;
  readonly requests: TokenBucket;
  readonly sessions: Set<string>;
  reservedUntilMs: number;
}

export type RelayDecision = { readonly kind: 'opened'; readonly session: RelaySession; readonly ended: readonly EndedSession[] } | { readonly kind: 'refused'; readonly reason: RelayRefusal; readonly ended: readonly EndedSession[] };

export interface EndedSession {
  readonly session: RelaySession;
  readonly reason: RelayEnd;
}

export interface RelayCoreStats {
  readonly reservations: number;
  readonly sessions: number;
  readonly bytes: number;
  readonly datagrams: number;
  readonly opened: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly ended: Readonly<Record<string, number>>;
}

/** A burst of a tenth of a second: what queues at the next router is not the relay's to add. */
const burstSeconds = 0.1;
/** Datagrams up to this size are path probes in their relay header (66 bytes): they keep a session, and say that nobody needs it now. */
const probeDatagramBytes = 66;
/** A session without packets for this long can be ended for a new one of the same node. */
const sparedMs = 30_000;
/** Requests of one node: a few at once, then one a second. */
const requestBurst = 32;
const requestsPerSecond = 1;
const sessionIdBytes = 8;

/** Decides whom this node relays for and how much. No I/O: whoever calls sends, and ends what is returned as ended. */
export class RelayCore {
  readonly #random: RandomSource;
  readonly #settings: RelaySettings;
  readonly #peers = new Map<NodeId, Peer>();
  readonly #sessions = new Map<string, KeptSession>();
  readonly #total: TokenBucket;
  #reservations = 0;
  #bytes = 0;
  #datagrams = 0;
  #opened = 0;
  readonly #refused: Record<string, number> = {};
  readonly #ended: Record<string, number> = {};

  constructor(components: { random: RandomSource }, settings: RelaySettings) {
    this.#random = components.random;
    this.#settings = settings;
    this.#total = new TokenBucket(settings.relayTotalBytes * burstSeconds, settings.relayTotalBytes);
  }

  session(id: string): RelaySession | undefined {
    return this.#sessions.get(id);
  }

  stats(): RelayCoreStats {
    return {
      reservations: this.#reservations, sessions: this.#sessions.size, bytes: this.#bytes, datagrams: this.#datagrams, opened: this.#opened,
      refused: { ...this.#refused }, ended: { ...this.#ended },
    };
  }

  /** Nodes with a reservation or a session. */
  get served(): Iterable<NodeId> {
    return this.#peers.keys();
  }

  /** Counts a refusal that was decided elsewhere. */
  refuse(reason: RelayRefusal): RelayRefusal {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
    return reason;
  }

  /** Makes or renews a node's reservation; it holds for relayReservationMs. Returns why not, or undefined. */
  reserve(nodeId: NodeId, nowMs: number): RelayRefusal | undefined {
    if (!this.#settings.relay) return this.refuse('disabled');
    const known = this.#peers.get(nodeId);
    const isReserved = known !== undefined && known.reservedUntilMs > nowMs;
    if (!isReserved && this.#reservations >= this.#settings.relayMaxReservations) return this.refuse('reservations');
    const peer = known ?? this.#newPeer(nodeId);
    if (!peer.requests.take(nowMs)) return this.refuse('requests');
    if (peer.reservedUntilMs === 0) this.#reservations += 1;
    peer.reservedUntilMs = nowMs + this.#settings.relayReservationMs;
    return undefined;
  }

  /** Opens a session between two nodes. Where one of them has too many, one that nobody uses may end for it. */
  open(from: NodeId, to: NodeId, nowMs: number): RelayDecision {
    const { relay, relayMaxSessions } = this.#settings;
    if (!relay) return this.#refusal('disabled');
    const target = this.#peers.get(to);
    if (!target || target.reservedUntilMs <= nowMs || from === to) return this.#refusal('no-reservation');
    const asker = this.#peers.get(from) ?? this.#newPeer(from);
    if (!asker.requests.take(nowMs)) return this.#refusal('requests');
    const spare = [asker, target].map((peer) => this.#spareOf(peer, nowMs));
    if (spare.includes('none')) return this.#refusal('sessions-of-peer');
    const ended = [...new Set(spare)].flatMap((one) => (typeof one === 'object' ? [this.#end(one, 'made-room')] : []));
    if (this.#sessions.size >= relayMaxSessions) return this.#refusal('sessions', ended);
    return { kind: 'opened', session: this.#start(from, asker, to, target, nowMs), ended };
  }

  /**
   * Pays for a datagram that one end sent. Returns why it is dropped instead, or undefined.
   * @param end 0 for who asked for the session, 1 for the other
   */
  charge(id: string, end: 0 | 1, bytes: number, nowMs: number): RelayDrop | undefined {
    const session = this.#sessions.get(id)!;
    const payer = session.payers[end];
    if (session.bucket.waitMs(nowMs) > 0) return 'relay-rate-session';
    if (payer.bucket.waitMs(nowMs) > 0) return 'relay-rate-peer';
    if (this.#total.waitMs(nowMs) > 0) return 'relay-rate';
    session.bucket.spend(bytes, nowMs);
    payer.bucket.spend(bytes, nowMs);
    this.#total.spend(bytes, nowMs);
    session.lastMs = nowMs;
    if (bytes > probeDatagramBytes) session.lastPacketMs = nowMs;
    session.bytes += bytes;
    this.#bytes += bytes;
    this.#datagrams += 1;
    return undefined;
  }

  /**
   * Whether a node may be told where the other end of a session is seen, and who that is: it must be an end itself. Counts among
   * its requests. Returns why not instead.
   */
  otherEnd(id: string, asker: NodeId, nowMs: number): { readonly nodeId: NodeId } | { readonly refused: RelayRefusal } {
    const session = this.#sessions.get(id);
    const index = session?.ends.indexOf(asker) ?? -1;
    if (!session || index === -1) return { refused: this.refuse('no-session') };
    if (!session.payers[index]!.requests.take(nowMs)) return { refused: this.refuse('requests') };
    return { nodeId: session.ends[1 - index]! };
  }

  /** One of its ends is done with a session; undefined when it is none of that node's. */
  close(id: string, by: NodeId): EndedSession | undefined {
    const session = this.#sessions.get(id);
    return session?.ends.includes(by) ? this.#end(session, 'closed') : undefined;
  }

  /** A node is not connected any more: its reservation and its sessions end. */
  gone(nodeId: NodeId): EndedSession[] {
    const peer = this.#peers.get(nodeId);
    if (!peer) return [];
    if (peer.reservedUntilMs !== 0) this.#reservations -= 1;
    peer.reservedUntilMs = 0;
    const ended = [...peer.sessions].map((id) => this.#end(this.#sessions.get(id)!, 'peer-gone'));
    this.#peers.delete(nodeId);
    return ended;
  }

  /** Ends everything. */
  stop(): EndedSession[] {
    return [...this.#sessions.values()].map((session) => this.#end(session, 'stopping'));
  }

  /** Ends what is idle or too old, and forgets reservations that were not renewed. To be called now and then. */
  sweep(nowMs: number): EndedSession[] {
    const { relayIdleMs, relayMaxAgeMs } = this.#settings;
    const ended: EndedSession[] = [];
    for (const session of [...this.#sessions.values()]) {
      if (nowMs - session.startedMs >= relayMaxAgeMs) ended.push(this.#end(session, 'age'));
      else if (nowMs - session.lastMs >= relayIdleMs) ended.push(this.#end(session, 'idle'));
    }
    for (const [nodeId, peer] of this.#peers) {
      if (peer.reservedUntilMs !== 0 && peer.reservedUntilMs <= nowMs) {
        peer.reservedUntilMs = 0;
        this.#reservations -= 1;
      }
      if (peer.sessions.size === 0 && peer.reservedUntilMs === 0) this.#peers.delete(nodeId);
    }
    return ended;
  }

  #refusal(reason: RelayRefusal, ended: readonly EndedSession[] = []): RelayDecision {
    return { kind: 'refused', reason: this.refuse(reason), ended };
  }

  #newPeer(nodeId: NodeId): Peer {
    const { relayPeerBytes } = this.#settings;
    const peer: Peer = {
      bucket: new TokenBucket(relayPeerBytes * burstSeconds, relayPeerBytes), requests: new TokenBucket(requestBurst, requestsPerSecond), sessions: new Set(), reservedUntilMs: 0,
    };
    this.#peers.set(nodeId, peer);
    return peer;
  }

  /** The session to end so that the peer can have another one; undefined: it can have one as it is. */
  #spareOf(peer: Peer, nowMs: number): KeptSession | 'none' | undefined {
    if (peer.sessions.size < this.#settings.relayMaxSessionsPerPeer) return undefined;
    let spare: KeptSession | undefined;
    for (const id of peer.sessions) {
      const session = this.#sessions.get(id)!;
      if (nowMs - session.lastPacketMs >= sparedMs && (!spare || session.lastPacketMs < spare.lastPacketMs)) spare = session;
    }
    return spare ?? 'none';
  }

  #start(from: NodeId, asker: Peer, to: NodeId, target: Peer, nowMs: number): RelaySession {
    const { relaySessionBytes } = this.#settings;
    let id: string;
    do id = Buffer.from(this.#random.bytes(sessionIdBytes)).toString('hex');
    while (this.#sessions.has(id));
    const bucket = new TokenBucket(relaySessionBytes * burstSeconds, relaySessionBytes);
    const session: KeptSession = { id, ends: [from, to], startedMs: nowMs, lastMs: nowMs, lastPacketMs: nowMs, bytes: 0, bucket, payers: [asker, target] };
    this.#sessions.set(id, session);
    asker.sessions.add(id);
    target.sessions.add(id);
    this.#opened += 1;
    return session;
  }

  #end(session: KeptSession, reason: RelayEnd): EndedSession {
    this.#sessions.delete(session.id);
    for (const payer of session.payers) payer.sessions.delete(session.id);
    this.#ended[reason] = (this.#ended[reason] ?? 0) + 1;
    return { session, reason };
  }
}
