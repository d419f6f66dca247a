import { throwIfAborted, withTimeout } from '../base/abort.js';
import type { Timer } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import type { ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { OversizedReplyHandler, RequestEnd, RequestHandler, Session, SessionEvents } from '../session/session.js';
import { untrustedError } from '../session/untrusted-error.js';
import type { FrameType } from '../wire/frame-type.js';
import { DialAttempt, type Connected } from './dial-attempt.js';
import { PoolCore, type PoolCoreSettings, type PoolEntry } from './pool-core.js';
import { excludedError, fullError, noAddressError, silentError, stoppedError } from './pool-errors.js';
import type { PooledConnection, PoolStats } from './pool-stats.js';
import type { AcquireOptions, Lease, PoolEvents, PoolRequestOptions } from './pool-types.js';
import type { PoolComponents } from './ports.js';
import { PooledRequest, type Held, type PooledRequestOwner } from './pooled-request.js';

export type PoolSettings = PoolCoreSettings & Pick<Settings, 'poolProbeMs' | 'dialTimeoutMs' | 'requestTimeoutMs'>;

/** Close code `idle` of docs/PROTOCOL.md. */
const idleCode = 0x0c;

/** Failures that say nothing about the peer. */
const blameless: ReadonlySet<ErrorCode> = new Set(['MACULA_ABORTED', 'MACULA_SELF_DIAL', 'MACULA_INVALID_VALUE']);

/** All connections of a node to its peers: dialled once for all who ask, kept while used, checked when in doubt. */
export class ConnectionPool implements Service {
  readonly #components: PoolComponents;
  readonly #settings: PoolSettings;
  readonly #core: PoolCore;
  readonly #events = new Emitter<PoolEvents>();
  /** The session in use with each peer. */
  readonly #sessions = new Map<NodeId, Session>();
  readonly #attempts = new Map<NodeId, DialAttempt>();
  readonly #requests: PooledRequestOwner = {
    nowMs: () => this.#nowMs(),
    hold: (nodeId, options, nowMs, deadlineMs) => this.#hold(nodeId, options, nowMs, deadlineMs),
    answered: (entry) => {
      const nowMs = this.#nowMs();
      this.#core.answered(entry, nowMs);
      this.#core.release(entry, nowMs);
      this.#schedule();
    },
    failed: (entry, error) => {
      this.#judge(entry, error);
      this.#release(entry);
    },
  };
  #unsubscribe: (() => void)[] = [];
  #isRunning = false;
  #timer: Timer | undefined;

  constructor(components: PoolComponents, settings: PoolSettings) {
    this.#components = components;
    this.#settings = settings;
    this.#core = new PoolCore(components, settings);
  }

  async start(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { sessions } = this.#components;
    this.#unsubscribe = [sessions.on('opened', (session) => this.#opened(session)), sessions.on('closed', (event) => this.#closed(event))];
    for (const session of sessions.list()) this.#opened(session);
  }

  /** Ends dials under way; the sessions belong to the session manager and stay. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const remove of this.#unsubscribe.splice(0)) remove();
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const attempt of [...this.#attempts.values()]) this.#failAttempt(attempt, stoppedError());
  }

  on<Name extends keyof PoolEvents>(name: Name, listener: (value: PoolEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /**
   * Resolves with a connection that works as far as anybody knows, dialling only if there is none.
   * @throws MaculaError MACULA_UNREACHABLE (no address, no answer, or left alone after failures), MACULA_OVERLOADED (all
   * connections in use), MACULA_SELF_DIAL, MACULA_PEER_UNTRUSTED, MACULA_TIMED_OUT, MACULA_ABORTED, and as SessionManager.dial
   */
  async acquire(nodeId: NodeId, options: AcquireOptions = {}): Promise<Lease> {
    const { entry, session } = await this.#hold(nodeId, options, this.#nowMs());
    return { session, release: once(() => this.#release(entry)) };
  }

  /** Calls `use` with a connection that is held until its promise settles. @throws as {@link acquire} and `use` */
  async withSession<T>(nodeId: NodeId, use: (session: Session) => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    const { entry, session } = await this.#hold(nodeId, options, this.#nowMs());
    try {
      const result = await use(session);
      this.#core.answered(entry, this.#nowMs());
      return result;
    } catch (error) {
      const { code } = MaculaError.from(error);
      if (isSilence(code)) this.#unanswered(entry);
      throw error;
    } finally {
      this.#release(entry);
    }
  }

  /**
   * Sends a request over a pooled connection and resolves with the reply's body. A connection that turns out to be
   * gone is replaced where the request certainly did not run, or may run twice.
   * @throws MaculaError as {@link acquire} and Session.request; where it was never sent, `executed: 'no'` in the details says so
   */
  request(nodeId: NodeId, type: FrameType, body: unknown, options: PoolRequestOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => this.ask(nodeId, type, body, options, { resolve, reject }));
  }

  /** As {@link request}, without a promise: `end` is told what comes of it, perhaps before this returns. Throws nothing. */
  ask(nodeId: NodeId, type: FrameType, body: unknown, options: PoolRequestOptions, end: RequestEnd): void {
    const nowMs = this.#nowMs();
    const deadlineMs = nowMs + (options.timeoutMs ?? this.#settings.requestTimeoutMs);
    new PooledRequest(this.#requests, { nodeId, type, body, options, deadlineMs }, end).send(nowMs);
  }

  /** Serves a request type on all sessions; a connection counts as in use while the peer's request is served. */
  serve(type: FrameType, replyType: FrameType, handler: RequestHandler, onOversized?: OversizedReplyHandler): void {
    const held: RequestHandler = (body, context) => {
      const entry = this.#core.hold(context.session.nodeId, this.#nowMs());
      if (!entry) return handler(body, context);
      let result: unknown;
      try {
        result = handler(body, context);
      } catch (error) {
        this.#release(entry);
        throw error;
      }
      if (result instanceof Promise) return result.finally(() => this.#release(entry));
      this.#release(entry);
      return result;
    };
    this.#components.sessions.handle(type, replyType, held, onOversized);
  }

  /** The connection with a peer counts as in use until the function that is returned is called. */
  hold(nodeId: NodeId): () => void {
    const entry = this.#core.hold(nodeId, this.#nowMs());
    return once(() => {
      if (entry) this.#release(entry);
    });
  }

  /** These peers' connections are not evicted, on behalf of `owner` and until its next call. They are not dialled for it. */
  keep(owner: string, nodeIds: Iterable<NodeId>): void {
    this.#core.keep(owner, nodeIds);
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#schedule();
  }

  stats(options: { connections?: boolean } = {}): PoolStats {
    const stats = this.#core.stats();
    if (!options.connections) return stats;
    const connections = this.#core.connections(this.#nowMs(), (nodeId) => {
      const session = this.#sessions.get(nodeId);
      return { path: session && pathOf(session), rttMs: session?.rttMs };
    });
    return { ...stats, connections };
  }

  /**
   * A usable session and the entry, held for the caller: at once where there is one, as a promise where it has to be checked or made.
   * @param deadlineMs Clock.nowMs() until which to wait; `options.timeoutMs` from now where absent
   */
  #hold(nodeId: NodeId, options: AcquireOptions, nowMs: number, deadlineMs?: number): Held | Promise<Held> {
    throwIfAborted(options.signal);
    if (!this.#isRunning) throw stoppedError();
    if (nodeId === this.#components.nodeId) throw new MaculaError('MACULA_SELF_DIAL', 'a node does not connect to itself');
    if (this.#components.isDenied?.(nodeId)) throw untrustedError(nodeId);
    const current = this.#current(nodeId);
    const lookup = this.#core.lookup(nodeId, () => current && lastHeardMs(current), nowMs);
    switch (lookup.kind) {
      case 'use':
        return { entry: lookup.entry, session: current! };
      case 'excluded':
        throw excludedError(nodeId, lookup);
      case 'full':
        throw fullError(this.#settings.poolMax);
      case 'connect':
        if (lookup.evict !== undefined) this.#evict(lookup.evict, 'lru');
        this.#begin(lookup.entry, current, options);
        break;
      case 'wait':
    }
    const timeoutMs = deadlineMs === undefined ? (options.timeoutMs ?? this.#settings.dialTimeoutMs) : deadlineMs - nowMs;
    return this.#wait(this.#attempts.get(nodeId)!, timeoutMs, options.signal);
  }

  async #wait(attempt: DialAttempt, timeoutMs: number, signal: AbortSignal | undefined): Promise<Held> {
    const { clock } = this.#components;
    try {
      const { session, dialled } = await withTimeout(clock, timeoutMs, 'connecting to the peer', signal, () => attempt.outcome);
      this.#core.waited(dialled);
      return { entry: attempt.entry, session };
    } catch (error) {
      this.#core.waited(true);
      this.#release(attempt.entry);
      if (attempt.entry.holders === 0 && this.#attempts.get(attempt.entry.nodeId) === attempt) this.#failAttempt(attempt, MaculaError.from(error));
      throw error;
    }
  }

  /** Checks the session in doubt, if there is one, and dials if it does not answer. */
  #begin(entry: PoolEntry, doubtful: Session | undefined, options: AcquireOptions): void {
    const { clock } = this.#components;
    const attempt = new DialAttempt(entry);
    this.#attempts.set(entry.nodeId, attempt);
    const work = withTimeout(clock, this.#settings.dialTimeoutMs, 'dialling the peer', attempt.signal, async (signal) => {
      if (doubtful && (await this.#answers(doubtful))) return { session: doubtful, dialled: false };
      if (signal.aborted || this.#attempts.get(entry.nodeId) !== attempt) throw stoppedError();
      if (doubtful && this.#core.isKept(entry.nodeId)) throw silentError(entry.nodeId);
      if (doubtful) this.#replace(entry, doubtful);
      return { session: await this.#dial(entry.nodeId, options, signal), dialled: true };
    });
    work.then(
      (connected) => this.#succeedAttempt(attempt, connected),
      (error: unknown) => this.#failAttempt(attempt, MaculaError.from(error)),
    );
  }

  #answers(session: Session): Promise<boolean> {
    return session.ping({ timeoutMs: this.#settings.poolProbeMs }).then(() => !session.isClosed, () => false);
  }

  #replace(entry: PoolEntry, session: Session): void {
    this.#core.redial(entry);
    const wasInUse = this.#sessions.get(entry.nodeId) === session;
    if (wasInUse) this.#sessions.delete(entry.nodeId);
    void session.close(idleCode, 'the connection did not answer');
    if (wasInUse) this.#events.emit('closed', { nodeId: entry.nodeId, reason: 'failed' });
  }

  async #dial(nodeId: NodeId, options: AcquireOptions, signal: AbortSignal): Promise<Session> {
    const { addressBook, dialler } = this.#components;
    const { relays = [], mayLookUp = true } = options;
    const addresses = [...(options.addresses ?? []), ...(await addressBook.resolve(nodeId))];
    throwIfAborted(signal);
    if (addresses.length === 0 && relays.length === 0 && !(mayLookUp && dialler.looksUp)) throw noAddressError(nodeId);
    this.#core.dialled();
    const session = await dialler.dial(nodeId, addresses, signal, { relays, mayLookUp });
    if (session.isClosed) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'the connection ended right after it was made', { details: { nodeId } });
    return session;
  }

  #succeedAttempt(attempt: DialAttempt, connected: Connected): void {
    const { entry } = attempt;
    if (this.#attempts.get(entry.nodeId) !== attempt) return;
    this.#attempts.delete(entry.nodeId);
    // A dial that found a session there already is announced by nobody.
    this.#sessions.set(entry.nodeId, connected.session);
    this.#core.checked(entry, this.#nowMs());
    attempt.succeed(connected);
    this.#schedule();
  }

  #failAttempt(attempt: DialAttempt, error: MaculaError): void {
    const { nodeId } = attempt.entry;
    if (this.#attempts.get(nodeId) !== attempt) return;
    this.#attempts.delete(nodeId);
    const blame = attempt.entry.state === 'dialling' && !blameless.has(error.code) && error.details['addresses'] !== 0;
    const pauseMs = this.#core.dialFailed(attempt.entry, blame, this.#nowMs());
    if (!this.#sessions.has(nodeId)) this.#core.closed(nodeId, false);
    attempt.fail(error);
    if (blame) this.#events.emit('dialFailed', { nodeId, code: error.code, message: error.message });
    this.#excluded(nodeId, pauseMs);
  }

  /** The session with the peer, unless it is closing. */
  #current(nodeId: NodeId): Session | undefined {
    const session = this.#sessions.get(nodeId);
    if (!session?.isClosed) return session;
    const other = this.#components.sessions.get(nodeId);
    if (other && !other.isClosed) {
      this.#sessions.set(nodeId, other);
      return other;
    }
    this.#lost(nodeId, 'ended');
    return undefined;
  }

  #opened(session: Session): void {
    const { nodeId } = session;
    const isNew = !this.#sessions.has(nodeId);
    const wasDialling = this.#core.entry(nodeId)?.state === 'dialling';
    const evict = this.#core.opened(nodeId, this.#nowMs());
    if (evict === nodeId) return void session.close(idleCode, 'all connections of the pool are in use');
    if (evict !== undefined) this.#evict(evict, 'lru');
    this.#sessions.set(nodeId, session);
    if (isNew) this.#events.emit('opened', { nodeId, direction: session.direction });
    const attempt = this.#attempts.get(nodeId);
    if (attempt) this.#succeedAttempt(attempt, { session, dialled: wasDialling });
    this.#schedule();
  }

  #closed({ session, close }: SessionEvents['closed']): void {
    if (this.#sessions.get(session.nodeId) !== session) return;
    const other = this.#components.sessions.get(session.nodeId);
    if (other && !other.isClosed) return void this.#sessions.set(session.nodeId, other);
    this.#lost(session.nodeId, close.by === 'timeout' || close.by === 'error' ? 'failed' : 'ended');
  }

  #lost(nodeId: NodeId, reason: 'failed' | 'ended'): void {
    this.#sessions.delete(nodeId);
    this.#core.closed(nodeId, reason === 'failed');
    this.#events.emit('closed', { nodeId, reason });
  }

  #evict(nodeId: NodeId, reason: 'lru' | 'idle'): void {
    const session = this.#sessions.get(nodeId);
    this.#sessions.delete(nodeId);
    void session?.close(idleCode, reason === 'idle' ? 'nobody used the connection' : 'made room for another connection');
    this.#events.emit('closed', { nodeId, reason });
  }

  #release(entry: PoolEntry): void {
    this.#core.release(entry, this.#nowMs());
    this.#schedule();
  }

  /** What a failed request says about the peer. */
  #judge(entry: PoolEntry, { code }: MaculaError): void {
    if (isSilence(code)) this.#unanswered(entry);
    else if (!blameless.has(code)) this.#core.answered(entry, this.#nowMs());
  }

  #unanswered(entry: PoolEntry): void {
    this.#excluded(entry.nodeId, this.#core.unanswered(entry, this.#nowMs()));
  }

  #excluded(nodeId: NodeId, forMs: number | undefined): void {
    if (forMs !== undefined) this.#events.emit('excluded', { nodeId, forMs: Math.round(forMs) });
  }

  /** One timer for all; deadlines only ever move later, so one that is set too early merely looks once more. */
  #schedule(): void {
    if (this.#timer || !this.#isRunning) return;
    const nowMs = this.#nowMs();
    // What is in use or kept now cannot have been idle for too long any sooner than this.
    const deadlineMs = this.#core.nextDeadline() ?? nowMs + this.#settings.poolIdleMs;
    this.#timer = this.#components.clock.setTimer(deadlineMs - nowMs, () => {
      this.#timer = undefined;
      for (const nodeId of this.#core.handleTimeout(this.#nowMs())) this.#evict(nodeId, 'idle');
      if (this.#core.size > 0) this.#schedule();
    });
  }

  #nowMs(): number {
    return this.#components.clock.nowMs();
  }
}

function isSilence(code: ErrorCode): boolean {
  return code === 'MACULA_TIMED_OUT' || code === 'MACULA_CONNECTION_CLOSED';
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}

/** When the transport last heard the peer on any path; keepalives count. */
function lastHeardMs(session: Session): number | undefined {
  const times = session.connection.paths().flatMap(({ lastSeenMs }) => lastSeenMs ?? []);
  return times.length === 0 ? undefined : Math.max(...times);
}

function pathOf(session: Session): PooledConnection['path'] {
  return session.connection.route.kind === 'direct' ? 'direct' : 'relayed';
}
