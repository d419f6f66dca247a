import { formatAddress, type SocketAddress } from '../base/address.js';
import type { Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionManager } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import { FrameType } from '../wire/frame-type.js';
import { maxExchangedAddresses, maxExchangedPeers, peerExchangeBody, peerExchangeReplyBody, readPeerExchange, readPeerExchangeReply, type ExchangedPeer } from '../wire/peer-exchange.js';
import { addressesFor, somewherePublic } from '../base/address-reach.js';
import type { PeersComponents } from './ports.js';

type ExchangeComponents = Pick<PeersComponents, 'nodeId' | 'sessions' | 'book' | 'clock' | 'random' | 'logger'> & {
  /** Addresses of the peer were told. @param isNews one of them was not known */
  readonly onLearned: (nodeId: NodeId, isNews: boolean) => void;
};

/** Who was not heard of for a day is not passed on. */
const maxAgeMs = 24 * 60 * 60_000;

/** A peer asks after each connection and each interval; more than this often is answered with an error. */
const minIntervalMs = 200;

/** A new peer is asked after this pause: what the connection was made for goes ahead. */
const askAfterMs = 20;

/** Peers asked in each round of the backstop: news reaches everybody in a few rounds all the same. */
const askedPerRound = 8;

/** A session manager takes a handler once; a restarted exchange takes the place of the one before. */
const answering = new WeakMap<SessionManager, (body: unknown, asker: Session) => unknown>();

/**
 * Tells peers of each other: asks each new peer and, from time to time, some connected ones whom they know, and answers
 * the same question. What is learned is a hint, believed only when the node proves its id.
 */
export class PeerExchange {
  readonly #lastAnswerMs = new WeakMap<Session, number>();
  #stop: AbortController | undefined;
  #timer: Timer | undefined;
  /** Of new peers that are not asked yet. */
  readonly #soon = new Set<Timer>();

  constructor(
    private readonly components: ExchangeComponents,
    private readonly settings: Pick<Settings, 'peerExchangeIntervalMs'>,
  ) {}

  start(): void {
    if (this.#stop) return;
    this.#stop = new AbortController();
    // Every peer that is asked listens until it has answered.
    const { sessions } = this.components;
    if (!answering.has(sessions)) {
      sessions.handle(FrameType.peerExchange, FrameType.peerExchangeReply, (body, { session }) => answering.get(sessions)!(body, session));
    }
    answering.set(sessions, (body, session) => this.#answer(body, session));
    this.#schedule();
  }

  stop(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#timer?.cancel();
    for (const timer of this.#soon) timer.cancel();
    this.#soon.clear();
  }

  /** Asks a new peer soon, unless the session has ended by then. */
  askSoon(session: Session): void {
    const timer = this.components.clock.setTimer(askAfterMs, () => {
      this.#soon.delete(timer);
      if (!session.isClosed) void this.ask(session);
    });
    this.#soon.add(timer);
  }

  /** Asks the peer whom it knows; failures are logged and else of no consequence. */
  async ask(session: Session): Promise<void> {
    const { clock, logger } = this.components;
    try {
      const body = await session.request(FrameType.peerExchange, peerExchangeBody(maxExchangedPeers), this.#stop ? { signal: this.#stop.signal } : {});
      for (const peer of readPeerExchangeReply(body)) this.#learn(peer, session);
    } catch (error) {
      const { code, message } = MaculaError.from(error);
      if (this.#stop && !session.isClosed) logger.debug('a peer did not say whom it knows', { nodeId: session.nodeId, code, error: message, atMs: clock.nowMs() });
    }
  }

  #schedule(): void {
    const { clock, random } = this.components;
    const pauseMs = this.settings.peerExchangeIntervalMs * (0.75 + random.float() / 2);
    this.#timer = clock.setTimer(pauseMs, () => {
      this.#schedule();
      this.#askSome();
    });
  }

  #askSome(): void {
    const { random, sessions } = this.components;
    const candidates = [...sessions.list()];
    for (let asked = 0; asked < askedPerRound && candidates.length > 0; asked++) {
      const [session] = candidates.splice(random.integer(candidates.length), 1);
      void this.ask(session!);
    }
  }

  #learn({ nodeId, addresses, ageSeconds }: ExchangedPeer, teller: Session): void {
    const { book, onLearned } = this.components;
    if (nodeId === this.components.nodeId || ageSeconds * 1000 > maxAgeMs) return;
    const believed = addressesFor(hostOf(teller), addresses);
    if (believed.length === 0) return;
    onLearned(nodeId, book.note(nodeId, believed, 'exchanged'));
  }

  #answer(body: unknown, asker: Session): unknown {
    const max = readPeerExchange(body);
    const nowMs = this.components.clock.nowMs();
    const lastMs = this.#lastAnswerMs.get(asker);
    if (lastMs !== undefined && nowMs - lastMs < minIntervalMs) throw new MaculaError('MACULA_OVERLOADED', 'peers are asked for too often', { details: { minIntervalMs } });
    this.#lastAnswerMs.set(asker, nowMs);
    return peerExchangeReplyBody(this.#whomToTell(asker).slice(0, max));
  }

  #whomToTell(asker: Session): ExchangedPeer[] {
    const { book, clock, sessions } = this.components;
    const told: ExchangedPeer[] = [];
    const tell = (nodeId: NodeId, addresses: readonly SocketAddress[], ageMs: number): void => {
      if (nodeId === asker.nodeId || told.length >= maxExchangedPeers) return;
      const shared = addressesFor(hostOf(asker), addresses).slice(0, maxExchangedAddresses);
      if (shared.length > 0) told.push({ nodeId, addresses: shared, ageSeconds: Math.floor(ageMs / 1000) });
    };
    for (const session of sessions.list()) {
      const current = directAddress(session);
      const addresses = new Map([...(current ? [current] : []), ...book.addresses(session.nodeId)].map((address) => [formatAddress(address), address]));
      tell(session.nodeId, [...addresses.values()], 0);
    }
    const wallMs = clock.wallMs();
    for (const [nodeId, peer] of book.list()) {
      if (told.length >= maxExchangedPeers) break;
      const ageMs = Math.max(0, wallMs - peer.lastSeenMs);
      // Only those this node has met itself: hearsay would go round for ever.
      if (peer.lastConnectedMs > 0 && ageMs <= maxAgeMs && !sessions.get(nodeId)) tell(nodeId, peer.addresses, ageMs);
    }
    return told;
  }
}

/** Whose addresses concern whom is judged by where the peer is; of one behind a relay nothing but the Internet's is known. */
function hostOf(session: Session): string {
  return directAddress(session)?.host ?? somewherePublic;
}
