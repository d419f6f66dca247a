import { throwIfAborted, untilAborted } from '../base/abort.js';
import type { SocketAddress } from '../base/address.js';
import type { Timer } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import { parseNodeId, type NodeId } from '../identity/node-id.js';
import { parsePeerUrl } from '../identity/peer-url.js';
import type { Session, SessionEvents } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import { addressesFor, somewherePublic } from '../base/address-reach.js';
import { PeerCloseCode } from './close-codes.js';
import type { AddressSource } from './peer-book.js';
import { PeerDialler } from './peer-dialler.js';
import { PeerExchange } from './peer-exchange.js';
import { absentPeer, connectedPeer, type PeerInfo } from './peer-info.js';
import { PeersCore, type PeerEntry, type PeerFailure, type PeersEffect, type PeersEvent } from './peers-core.js';
import type { PeersComponents } from './ports.js';

export type PeersSettings = Pick<
  Settings,
  'bootstrapUrl' | 'maxPeers' | 'maxKnownPeers' | 'reconnectMinMs' | 'reconnectMaxMs' | 'dialTimeoutMs' | 'peerExchangeIntervalMs'
>;

export interface PeersEvents {
  connected: { readonly nodeId: NodeId; readonly direction: 'in' | 'out' };
  disconnected: { readonly nodeId: NodeId; readonly reason: string };
  /** A dial ended without a session. `target` is a URL or a node id. */
  dialFailed: PeerFailure & { readonly target: string; readonly nodeId: NodeId | undefined };
  /** A learned peer was given up. */
  forgotten: { readonly nodeId: NodeId };
}

export interface PeerCounts {
  readonly connected: number;
  readonly connecting: number;
  readonly waiting: number;
  readonly refused: number;
  /** Peers remembered on disk. */
  readonly known: number;
}

type DialOutcome = { readonly key: string; readonly session: Session } | { readonly key: string; readonly session: undefined; readonly error: MaculaError };

interface RunningDial {
  readonly abort: AbortController;
  readonly done: Promise<Session>;
}

/** Failures an operator has to act on; others are part of a mesh's life. */
const alarming: ReadonlySet<string> = new Set(['MACULA_PIN_MISMATCH', 'MACULA_REALM_MISMATCH', 'MACULA_REALM_PROOF_FAILED', 'MACULA_VERSION_MISMATCH', 'MACULA_ID_MISMATCH', 'MACULA_CERTIFICATE_EXPIRED']);

/**
 * The peers a node keeps connected, each on its own: one that fails is dialled again after a pause and touches no other.
 * Whom and when is decided by PeersCore.
 */
export class Peers implements Service {
  #core: PeersCore;
  readonly #dialler: PeerDialler;
  readonly #exchange: PeerExchange;
  readonly #emitter = new Emitter<PeersEvents>();
  readonly #outcomes = new Emitter<{ ended: DialOutcome }>();
  readonly #dials = new Map<string, RunningDial>();
  #unsubscribe: (() => void)[] = [];
  #timer: Timer | undefined;
  #isRunning = false;

  constructor(
    private readonly components: PeersComponents,
    private readonly settings: PeersSettings,
  ) {
    this.#core = new PeersCore(components.random, settings);
    this.#dialler = new PeerDialler(components, settings);
    this.#exchange = new PeerExchange({ ...components, onLearned: (nodeId, isNews) => this.#noteLearned(nodeId, isNews) }, settings);
  }

  on<Name extends keyof PeersEvents>(name: Name, listener: (value: PeersEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /**
   * Begins to dial configured and remembered peers; does not wait for any. The session manager must be running.
   * @throws MaculaError MACULA_USAGE for a bootstrap URL that is none
   */
  start(): Promise<void> {
    if (this.#isRunning) return Promise.resolve();
    const configured = this.settings.bootstrapUrl.map((url) => parsePeerUrl(url));
    this.#isRunning = true;
    // What an earlier run knew of sessions and dials is void.
    this.#core = new PeersCore(this.components.random, this.settings);
    const { sessions, book } = this.components;
    this.#unsubscribe = [sessions.on('opened', (session) => this.#opened(session)), sessions.on('closed', (event) => this.#closed(event))];
    this.#exchange.start();
    book.load();
    for (const session of sessions.list()) this.#opened(session);
    for (const { url, nodeId } of configured) this.#handle({ kind: 'added', key: url, origin: 'configured', nodeId: nodeId ?? this.components.pins.pinned(url) });
    for (const [nodeId, peer] of book.list()) {
      if (nodeId !== this.components.nodeId) this.#handle({ kind: 'added', key: nodeId, origin: 'learned', nodeId, everConnected: peer.lastConnectedMs > 0 });
    }
    return Promise.resolve();
  }

  /** Gives up all dials and writes down who is known; sessions stay, they are the session manager's. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#exchange.stop();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    const dials = [...this.#dials.values()];
    for (const { abort } of dials) abort.abort();
    await Promise.allSettled(dials.map(({ done }) => done));
    for (const session of this.components.sessions.list()) this.components.book.seen(session.nodeId);
    await this.components.book.flush();
  }

  /**
   * Connects to a peer and keeps it connected from then on. When the first attempt fails or the signal aborts, it is not kept.
   * @param target a URL, host:port, or the id of a peer that is known
   * @throws MaculaError MACULA_USAGE, MACULA_PEER_NOT_FOUND (an id nothing is known of), MACULA_CONNECTION_CLOSED (not running), and as PeerDialler.dial
   */
  async startPeer(target: string, signal?: AbortSignal): Promise<PeerInfo> {
    throwIfAborted(signal);
    if (!this.#isRunning) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the node is not running');
    const { sessions, book, otherWays, nodeId: ownId } = this.components;
    const nodeId = parseNodeId(target);
    const url = nodeId === undefined ? parsePeerUrl(target) : undefined;
    const key = nodeId ?? url!.url;
    if (nodeId === ownId) throw new MaculaError('MACULA_SELF_DIAL', `${nodeId} is this node itself`);
    if (nodeId !== undefined && !otherWays && book.addresses(nodeId).length === 0 && !sessions.get(nodeId) && this.#core.entriesOf(nodeId).length === 0) {
      throw unknownError(nodeId);
    }
    const kept = this.#core.entry(key) !== undefined;
    const expected = nodeId ?? url!.nodeId ?? this.components.pins.pinned(key);
    this.#handle({ kind: 'added', key, origin: 'wanted', nodeId: expected });
    const connected = expected === undefined ? undefined : sessions.get(expected);
    if (connected && !connected.isClosed) return this.#infoOf(connected);
    this.#handle({ kind: 'hinted', key, evenIfRefused: true });
    try {
      const session = await this.#outcome(key, expected, signal);
      return this.#infoOf(session);
    } catch (error) {
      if (!kept) this.#handle({ kind: 'removed', key, shun: false });
      if (nodeId !== undefined && !kept && MaculaError.from(error).details['addresses'] === 0) throw unknownError(nodeId);
      throw error;
    }
  }

  /**
   * Ends the session with a peer and no longer keeps it, configured or not; it can still come back by itself.
   * @throws MaculaError MACULA_PEER_NOT_FOUND
   */
  async stopPeer(nodeId: NodeId): Promise<void> {
    const { sessions, book } = this.components;
    const session = sessions.get(nodeId);
    const entries = this.#core.entriesOf(nodeId);
    if (!session && entries.length === 0) throw new MaculaError('MACULA_PEER_NOT_FOUND', `${nodeId} is not a peer of this node`, { details: { nodeId } });
    for (const { key } of entries) this.#handle({ kind: 'removed', key, shun: true });
    book.forget(nodeId);
    await session?.close(PeerCloseCode.requested, 'disconnected by its operator');
  }

  /** Ends the pause of a peer, a refusal's too: after `peers trust`, for instance. @param target a URL or a node id */
  retry(target: string): void {
    const nodeId = parseNodeId(target);
    const keys = nodeId === undefined ? [parsePeerUrl(target).url] : this.#core.entriesOf(nodeId).map(({ key }) => key);
    for (const key of keys) this.#handle({ kind: 'hinted', key, evenIfRefused: true });
  }

  /** Addresses of a node were found (multicast DNS, for instance); it is dialled when there is room. */
  learn(nodeId: NodeId, addresses: readonly SocketAddress[], source: AddressSource): void {
    if (nodeId === this.components.nodeId || !this.#isRunning) return;
    this.#noteLearned(nodeId, this.components.book.note(nodeId, addresses, source));
  }

  /** Connected peers, then those that are dialled or waited for; this node itself under a configured URL is left out. */
  listPeers(): PeerInfo[] {
    const connected = this.components.sessions.list().filter((session) => !session.isClosed);
    const ids = new Set(connected.map(({ nodeId }) => nodeId));
    const absent = this.#core.entries().filter((entry) => isShown(entry) && !(entry.nodeId !== undefined && ids.has(entry.nodeId)));
    const learned = absent.filter(({ origin }) => origin === 'learned').slice(0, this.settings.maxPeers);
    return [...connected.map((session) => this.#infoOf(session)), ...[...absent.filter(({ origin }) => origin !== 'learned'), ...learned].map(absentPeer)];
  }

  countPeers(): PeerCounts {
    const count = { connected: 0, connecting: 0, waiting: 0, refused: 0 };
    for (const { state } of this.listPeers()) count[state]++;
    return { ...count, known: this.components.book.size };
  }

  peer(nodeId: NodeId): PeerInfo | undefined {
    const session = this.components.sessions.get(nodeId);
    if (session && !session.isClosed) return this.#infoOf(session);
    const [entry] = this.#core.entriesOf(nodeId);
    return entry && absentPeer(entry);
  }

  #infoOf(session: Session): PeerInfo {
    return connectedPeer(session, this.#core.entriesOf(session.nodeId), this.components.clock.nowMs());
  }

  /** @param isNews an address came up that was not tried yet: no use in waiting on */
  #noteLearned(nodeId: NodeId, isNews: boolean): void {
    if (!this.#isRunning) return;
    this.#handle({ kind: 'added', key: nodeId, origin: 'learned', nodeId });
    if (isNews) for (const { key } of this.#core.entriesOf(nodeId)) this.#handle({ kind: 'hinted', key, evenIfRefused: false });
  }

  #opened(session: Session): void {
    const { book, localAddresses } = this.components;
    const { nodeId, hello } = session;
    const current = directAddress(session);
    const host = current?.host ?? somewherePublic;
    book.note(nodeId, addressesFor(host, hello.listen), 'advertised');
    // One socket serves everything, so where a peer comes from is where it listens, unless a NAT is in between.
    if (session.direction === 'in' && current) book.note(nodeId, addressesFor(host, [current]), 'observed');
    book.connected(nodeId, undefined);
    if (hello.observedAddress) localAddresses.observe(nodeId, hello.observedAddress);
    this.#handle({ kind: 'opened', nodeId });
    this.#emitter.emit('connected', { nodeId, direction: session.direction });
    this.#exchange.askSoon(session);
  }

  #closed({ session, close }: SessionEvents['closed']): void {
    const { sessions, book } = this.components;
    const { nodeId } = session;
    const other = sessions.get(nodeId);
    // A duplicate ended; the peer is still connected.
    if (other && other !== session && !other.isClosed) return;
    book.seen(nodeId);
    this.#handle({ kind: 'closed', nodeId, refusal: refusalOf(close) });
    this.#emitter.emit('disconnected', { nodeId, reason: close.reason });
  }

  #handle(event: PeersEvent): void {
    const nowMs = this.components.clock.nowMs();
    for (const effect of this.#core.handle(event, nowMs)) this.#perform(effect);
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    const deadlineMs = this.#isRunning ? this.#core.nextDeadline() : undefined;
    if (deadlineMs === undefined) return;
    const { clock } = this.components;
    this.#timer = clock.setTimer(Math.max(0, deadlineMs - clock.nowMs()), () => {
      for (const effect of this.#core.handleTimeout(clock.nowMs())) this.#perform(effect);
      this.#schedule();
    });
  }

  #perform(effect: PeersEffect): void {
    switch (effect.kind) {
      case 'dial':
        if (this.#isRunning) this.#dial(effect.key);
        return;
      case 'abandon':
        this.#dials.get(effect.key)?.abort.abort();
        return;
      case 'forget':
        this.components.book.forget(effect.nodeId);
        this.#emitter.emit('forgotten', { nodeId: effect.nodeId });
        return;
    }
  }

  #dial(key: string): void {
    const abort = new AbortController();
    const done = this.#dialler.dial(key, abort.signal, { mayLookUp: true });
    this.#dials.set(key, { abort, done });
    void done.then(
      (session) => this.#dialEnded({ key, session }),
      (error: unknown) => this.#dialEnded({ key, session: undefined, error: MaculaError.from(error) }),
    );
  }

  #dialEnded(ended: DialOutcome): void {
    const { key, session } = ended;
    this.#dials.delete(key);
    if (session) {
      this.#handle({ kind: 'dialled', key, nodeId: session.nodeId });
    } else {
      const { code, message } = ended.error;
      if (this.#isRunning) this.#report(key, { code, message });
      this.#handle({ kind: 'dialFailed', key, failure: { code, message } });
    }
    this.#outcomes.emit('ended', ended);
  }

  #report(key: string, failure: PeerFailure): void {
    const entry = this.#core.entry(key);
    const repeated = entry?.lastFailure?.code === failure.code;
    const fields = { target: key, code: failure.code, error: failure.message };
    if (alarming.has(failure.code) && entry && entry.origin !== 'learned' && !repeated) this.components.logger.warn('a peer is refused', fields);
    else this.components.logger.debug('a dial failed', fields);
    if (entry?.nodeId !== undefined) this.components.book.failed(entry.nodeId);
    this.#emitter.emit('dialFailed', { target: key, nodeId: entry?.nodeId, ...failure });
  }

  /** The next outcome of dialling `key`, or the node behind it connecting by another way. */
  #outcome(key: string, expected: NodeId | undefined, signal: AbortSignal | undefined): Promise<Session> {
    let removers: (() => void)[] = [];
    const outcome = new Promise<Session>((resolve, reject) => {
      removers = [
        this.components.sessions.on('opened', (session) => {
          if (session.nodeId === expected) resolve(session);
        }),
        this.#outcomes.on('ended', (ended) => {
          if (ended.key !== key) return;
          if (ended.session) resolve(ended.session);
          else reject(ended.error);
        }),
      ];
    });
    return (signal ? untilAborted(outcome, signal) : outcome).finally(() => {
      for (const remove of removers) remove();
    });
  }
}

function unknownError(nodeId: NodeId): MaculaError {
  return new MaculaError('MACULA_PEER_NOT_FOUND', `no address of ${nodeId} is known`, { details: { nodeId }, hint: 'Connect to it by address: macula://NODE-ID@HOST:PORT.' });
}

/** Learned peers that never answered are nobody's business; a URL that leads back here is no peer. */
function isShown(entry: PeerEntry): boolean {
  if (entry.lastFailure?.code === 'MACULA_SELF_DIAL') return false;
  return entry.origin !== 'learned' || (entry.everConnected && entry.failures > 0);
}

function refusalOf({ by, code, reason }: SessionEvents['closed']['close']): PeerFailure | undefined {
  if (by !== 'remote' && by !== 'local') return undefined;
  switch (code) {
    case PeerCloseCode.untrusted:
      return { code: 'MACULA_PEER_UNTRUSTED', message: by === 'remote' ? `the peer does not trust this node: ${reason}` : 'marked untrusted' };
    case PeerCloseCode.realmMismatch:
      return { code: 'MACULA_REALM_MISMATCH', message: reason };
    case PeerCloseCode.requested:
      return by === 'remote' ? { code: 'MACULA_PEER_REFUSED', message: reason } : undefined;
    default:
      return undefined;
  }
}
