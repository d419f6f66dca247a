import { addressScope } from '../base/address.js';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Logger } from '../base/logger.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionManager } from '../session/session.js';
import type { RelayHint } from '../wire/peer-record.js';
import type { RelayDialler } from './relay-dialler.js';
import type { RelayEnds } from './relay-ends.js';
import { superfluousRelays } from './spare-relays.js';

export interface RelayKeeperComponents {
  readonly sessions: Pick<SessionManager, 'list' | 'on'>;
  readonly ends: Pick<RelayEnds, 'on' | 'close'>;
  readonly dialler: Pick<RelayDialler, 'open' | 'attach'>;
  /** Relays through which a peer is reachable. @param fresh what was known did not do: ask anew */
  readonly relaysOf: (nodeId: NodeId, fresh: boolean, signal: AbortSignal) => Promise<readonly RelayHint[]>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Relays a connection has while it runs through one: the other takes over when the first falls silent. */
const waysWanted = 2;
/** How often connections through relays are looked at; with the time it takes to notice silence, another relay carries them within 10 s. */
const lookIntervalMs = 2000;
/** How long a relay that did not do is not tried again for the same peer. */
const restMs = 20_000;

/**
 * Sees to it that connections this node made through a relay have another one in reserve, and get one when all they
 * had are gone; and that they have no more of them than that, which is what comes of both ends dialling by several relays at once. The side
 * that dialled does; the other one follows.
 */
export class RelayKeeper implements Service {
  readonly #components: RelayKeeperComponents;
  readonly #busy = new Set<NodeId>();
  /** Pairs of peer and relay that did not do, with the time until which they rest. */
  readonly #resting = new Map<string, number>();
  #stop: AbortController | undefined;
  #unsubscribe: (() => void)[] = [];
  #timer: Timer | undefined;

  constructor(components: RelayKeeperComponents) {
    this.#components = components;
  }

  async start(): Promise<void> {
    if (this.#stop) return;
    this.#stop = new AbortController();
    const { ends, sessions } = this.#components;
    this.#unsubscribe = [ends.on('ended', () => this.#look()), sessions.on('opened', (session) => this.#opened(session))];
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#timer?.cancel();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
  }

  #schedule(): void {
    const { clock } = this.#components;
    this.#timer = clock.setTimer(lookIntervalMs, () => {
      for (const [key, untilMs] of this.#resting) if (untilMs <= clock.nowMs()) this.#resting.delete(key);
      this.#look();
      this.#schedule();
    });
  }

  /** Where the peer says it listens may do better than the relay it came through. */
  #opened(session: Session): void {
    const { connection, hello } = session;
    const { route } = connection;
    if (route.kind === 'relay') {
      // Loopback addresses of the peer are this machine's own, unless the relay is on it, too.
      const local = addressScope(route.via.host) === 'loopback';
      for (const address of hello.listen) if (local || addressScope(address.host) !== 'loopback') connection.addRoute({ kind: 'direct', address });
    }
    this.#look();
  }

  #look(): void {
    for (const session of this.#components.sessions.list()) {
      if (session.direction !== 'out' || session.isClosed) continue;
      for (const { sessionId } of superfluousRelays(session.connection.paths(), waysWanted, this.#components.clock.nowMs())) this.#components.ends.close(sessionId);
      if (session.connection.route.kind === 'relay' && usedRelays(session).size < waysWanted && !this.#busy.has(session.nodeId)) void this.#addWay(session);
    }
  }

  async #addWay(session: Session): Promise<void> {
    const { nodeId } = session;
    const stop = this.#stop;
    if (!stop) return;
    this.#busy.add(nodeId);
    try {
      for (const fresh of [false, true]) {
        const relays = await this.#components.relaysOf(nodeId, fresh, stop.signal);
        for (const relay of relays) if (await this.#tryRelay(session, relay, stop.signal)) return;
        // A connection that still has a way can wait until what is known of its peer is asked for again.
        if (usedRelays(session).size > 0) return;
      }
    } catch (error) {
      this.#components.logger.debug('no relays of a peer were found', { nodeId, error: MaculaError.from(error).message });
    } finally {
      this.#busy.delete(nodeId);
    }
  }

  /** Returns whether nothing more is to be tried. */
  async #tryRelay(session: Session, relay: RelayHint, signal: AbortSignal): Promise<boolean> {
    const { dialler, ends, clock, logger } = this.#components;
    const key = `${session.nodeId}/${relay.nodeId}`;
    if (usedRelays(session).has(relay.nodeId) || (this.#resting.get(key) ?? 0) > clock.nowMs()) return false;
    this.#resting.set(key, clock.nowMs() + restMs);
    try {
      const route = await dialler.open(session.nodeId, relay, signal);
      if (session.isClosed) ends.close(route.sessionId);
      else dialler.attach(session, route);
      return true;
    } catch (error) {
      logger.debug('a relay did not do as a reserve', { nodeId: session.nodeId, relay: relay.nodeId, error: MaculaError.from(error).message });
      return session.isClosed;
    }
  }
}

/** Relays by which a connection goes or may go: those that do not answer are left out. */
function usedRelays({ connection }: Session): Set<NodeId> {
  return new Set(connection.paths().flatMap(({ route, state }) => (route.kind === 'relay' && state !== 'failed' ? [route.relay] : [])));
}
