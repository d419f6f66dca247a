import type { SocketAddress } from '../../../src/lib/base/address.js';
import { abortError, delay } from '../../../src/lib/base/abort.js';
import { Emitter } from '../../../src/lib/base/emitter.js';
import { MaculaError } from '../../../src/lib/base/errors.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import { defaultSettings, type Settings } from '../../../src/lib/config/schema.js';
import type { NodeId } from '../../../src/lib/identity/node-id.js';
import { ConnectionPool } from '../../../src/lib/pool/connection-pool.js';
import type { RequestHandler, RequestEnd, RequestOptions, Session, SessionClose, SessionEvents } from '../../../src/lib/session/session.js';
import type { FrameType } from '../../../src/lib/wire/frame-type.js';
import { VirtualClock } from '../../support/virtual-clock.js';

/** Node id number `index`. */
export function peerId(index: number): NodeId {
  return index.toString(16).padStart(64, '0');
}

/** A session without a network: answers at once unless told otherwise. */
export class FakeSession {
  isClosed = false;
  /** undefined: silent. */
  answer: ((body: unknown) => unknown) | undefined = (body) => body;
  pings = 0;
  requests = 0;
  closedWith: { code: number; reason: string } | undefined;
  lastSeenMs: number;
  readonly rttMs = 5;
  readonly connection = { route: { kind: 'direct' }, paths: () => [{ lastSeenMs: this.lastSeenMs }] };

  constructor(
    private readonly lab: PoolLab,
    readonly nodeId: NodeId,
    readonly direction: 'in' | 'out',
  ) {
    this.lastSeenMs = lab.clock.nowMs();
  }

  async request(_type: FrameType, body: unknown, options: RequestOptions = {}): Promise<unknown> {
    if (this.isClosed) throw new MaculaError('MACULA_CONNECTION_CLOSED', 'closed');
    this.requests++;
    if (this.answer) return this.answer(body);
    await delay(this.lab.clock, options.timeoutMs ?? 5000, options.signal);
    throw new MaculaError('MACULA_TIMED_OUT', 'no answer');
  }

  ask(type: FrameType, body: unknown, options: RequestOptions | undefined, end: RequestEnd): void {
    this.request(type, body, options).then(
      (reply) => end.resolve(reply),
      (error: unknown) => end.reject(MaculaError.from(error)),
    );
  }

  async ping(options: RequestOptions = {}): Promise<number> {
    this.pings++;
    await this.request(0x03 as FrameType, null, options);
    return this.rttMs;
  }

  close(code: number, reason: string): Promise<void> {
    this.closedWith ??= { code, reason };
    this.end({ by: 'local', code, reason });
    return Promise.resolve();
  }

  end(close: SessionClose): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.lab.ended(this, close);
  }
}

/** A pool among peers that exist only as far as it can tell. */
export class PoolLab {
  readonly clock = new VirtualClock();
  readonly settings: Settings;
  readonly pool: ConnectionPool;
  readonly live = new Map<NodeId, FakeSession>();
  readonly handlers = new Map<FrameType, RequestHandler>();
  readonly closedOrder: NodeId[] = [];
  readonly book = new Map<NodeId, readonly SocketAddress[]>();
  readonly dialled: { nodeId: NodeId; addresses: readonly SocketAddress[] }[] = [];
  /** Of each dial, what ends it. */
  readonly dialSignals: AbortSignal[] = [];
  readonly log: string[] = [];
  /** Largest number of sessions there ever was at once. */
  mostLive = 0;
  dialMs = 10;
  /** What dialling a peer fails with. */
  refuse: (nodeId: NodeId) => MaculaError | undefined = () => undefined;
  /** What happens to each new session. */
  prepare: (session: FakeSession) => void = () => undefined;
  readonly denied = new Set<NodeId>();
  readonly #events = new Emitter<SessionEvents>();

  constructor(settings: Partial<Settings> = {}) {
    this.settings = { ...defaultSettings(), ...settings };
    this.pool = new ConnectionPool(
      {
        nodeId: peerId(0xffff_ffff), clock: this.clock, random: seededRandom(1),
        sessions: {
          get: (nodeId) => this.live.get(nodeId) as unknown as Session | undefined,
          list: () => [...this.live.values()] as unknown as Session[],
          on: (name, listener) => this.#events.on(name, listener),
          handle: (type, _replyType, handler) => void this.handlers.set(type, handler),
        },
        dialler: { dial: (nodeId, addresses, signal) => this.#dial(nodeId, addresses, signal) },
        isDenied: (nodeId) => this.denied.has(nodeId),
        addressBook: { resolve: async (nodeId) => this.book.get(nodeId) ?? [{ host: '10.0.0.1', port: 4433 }] },
      },
      this.settings,
    );
    this.pool.on('opened', ({ nodeId, direction }) => this.log.push(`opened ${direction} ${Number.parseInt(nodeId, 16)}`));
    this.pool.on('closed', ({ nodeId, reason }) => this.log.push(`closed ${reason} ${Number.parseInt(nodeId, 16)}`));
    this.pool.on('dialFailed', ({ nodeId, code }) => this.log.push(`failed ${code} ${Number.parseInt(nodeId, 16)}`));
    this.pool.on('excluded', ({ nodeId }) => this.log.push(`excluded ${Number.parseInt(nodeId, 16)}`));
  }

  open(nodeId: NodeId, direction: 'in' | 'out' = 'in'): FakeSession {
    const session = new FakeSession(this, nodeId, direction);
    this.prepare(session);
    this.live.set(nodeId, session);
    this.#events.emit('opened', session as unknown as Session);
    this.mostLive = Math.max(this.mostLive, this.live.size);
    return session;
  }

  ended(session: FakeSession, close: SessionClose): void {
    if (this.live.get(session.nodeId) === session) this.live.delete(session.nodeId);
    this.closedOrder.push(session.nodeId);
    this.#events.emit('closed', { session: session as unknown as Session, close });
  }

  /** The promise's outcome, with time advancing as far as it takes. */
  async outcome<T>(promise: Promise<T>): Promise<{ value?: T; code?: string; error?: MaculaError }> {
    let outcome: { value?: T; code?: string; error?: MaculaError } | undefined;
    promise.then((value) => (outcome = { value }), (error: unknown) => (outcome = { error: MaculaError.from(error), code: MaculaError.from(error).code }));
    await this.clock.advanceUntil(() => outcome !== undefined, 1_000_000);
    return outcome!;
  }

  async run<T>(promise: Promise<T>): Promise<T> {
    const { value, error } = await this.outcome(promise);
    if (error) throw error;
    return value as T;
  }

  async #dial(nodeId: NodeId, addresses: readonly SocketAddress[], signal: AbortSignal): Promise<Session> {
    this.dialled.push({ nodeId, addresses });
    this.dialSignals.push(signal);
    await delay(this.clock, this.dialMs, signal);
    const refusal = this.refuse(nodeId);
    if (refusal) throw refusal;
    if (signal.aborted) throw abortError(signal);
    return (this.live.get(nodeId) ?? this.open(nodeId, 'out')) as unknown as Session;
  }
}
