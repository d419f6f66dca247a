import type { Timer } from '../base/clock.js';
import type { Session } from '../session/session.js';
import type { DirectRoute, PathStatus, Route } from '../transport/endpoint.js';
import { punchBody, punchFrameTypes } from '../wire/punch.js';
import { PunchCore } from './punch-core.js';
import type { PuncherComponents } from './punch-ports.js';
import type { BirthdaySlot, PunchEffect, PunchEvent, PunchReport, PunchSettings } from './punch-types.js';

export interface PunchLinkComponents extends Omit<PuncherComponents, 'sessions'> {
  readonly session: Session;
  readonly slot: BirthdaySlot;
}

export interface PunchLinkListener {
  reported(report: PunchReport): void;
  upgraded(afterMs: number): void;
  fellBack(): void;
}

/** How long sockets of an attempt that is over stay open: a few round trips of the slowest path, for what is on its way. */
const lingerMs = 2000;

/** Punching for one session: carries out what its core decides. */
export class PunchLink {
  readonly core: PunchCore;
  readonly #components: PunchLinkComponents;
  readonly #listener: PunchLinkListener;
  /** Side sockets by the attempt they were opened for; those a path goes through stay. */
  readonly #sockets = new Map<number, number[]>();
  /** Attempts that are over and whose sockets are not all closed. */
  readonly #ended = new Set<number>();
  #lingering: Timer | undefined;
  #timer: Timer | undefined;
  #stopped = false;
  #relayedMs: number | undefined;
  #wasDirect = false;

  constructor(components: PunchLinkComponents, settings: PunchSettings, listener: PunchLinkListener) {
    const { nodeId, session, random, slot, own, isPeerHost } = components;
    this.#components = components;
    this.#listener = listener;
    this.core = new PunchCore({ nodeId, peerId: session.nodeId, random, slot, own, isPeerHost: (host) => isPeerHost(session.nodeId, host) }, settings);
  }

  start(): void {
    const { connection } = this.#components.session;
    connection.onRouteChange((route) => this.#routeChanged(route));
    connection.onDoubt((inDoubt) => this.handle(inDoubt ? { type: 'doubted', livedMs: this.#livedMs() } : { type: 'doubt-over' }));
    this.#routeChanged(connection.route);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#lingering?.cancel();
    for (const effect of this.core.stop(this.#components.clock.nowMs())) if (effect.type === 'report') this.#listener.reported(effect.report);
    for (const sockets of this.#sockets.values()) for (const socket of sockets) this.#components.sides.closeSideSocket(socket);
    this.#sockets.clear();
  }

  handle(event: PunchEvent): void {
    if (!this.#stopped) this.#perform(this.core.handle(event, this.#components.clock.nowMs()));
  }

  #routeChanged(route: Route): void {
    if (this.#stopped) return;
    const nowMs = this.#components.clock.nowMs();
    if (route.kind === 'relay') {
      if (this.#wasDirect) this.#listener.fellBack();
      this.#wasDirect = false;
      this.#relayedMs ??= nowMs;
      return this.handle({ type: 'relayed' });
    }
    if (this.#relayedMs !== undefined) this.#listener.upgraded(nowMs - this.#relayedMs);
    this.#relayedMs = undefined;
    this.#wasDirect = true;
    this.handle({ type: 'direct', sinceMs: this.#selected()?.usableSinceMs ?? nowMs });
  }

  #selected(): PathStatus | undefined {
    return this.#components.session.connection.paths().find(({ selected }) => selected);
  }

  #livedMs(): number {
    const { usableSinceMs, lastSeenMs } = this.#selected() ?? {};
    return usableSinceMs === undefined || lastSeenMs === undefined ? 0 : lastSeenMs - usableSinceMs;
  }

  #perform(effects: readonly PunchEffect[]): void {
    for (const effect of effects) this.#carryOut(effect);
    this.#timer?.cancel();
    const dueMs = this.core.nextDeadline();
    if (dueMs === undefined || this.#stopped) return;
    const { clock } = this.#components;
    this.#timer = clock.setTimer(Math.max(0, dueMs - clock.nowMs()), () => this.#perform(this.core.handleTimeout(clock.nowMs())));
  }

  #carryOut(effect: PunchEffect): void {
    const { session } = this.#components;
    switch (effect.type) {
      case 'send':
        session.notify(punchFrameTypes[effect.message.type], punchBody(effect.message));
        break;
      case 'measure':
        void this.#measure(effect.attempt);
        break;
      case 'locate':
        void this.#components.hostsOf(session).then((hosts) => this.handle({ type: 'located', attempt: effect.attempt, hosts }));
        break;
      case 'open-sockets':
        void this.#open(effect.attempt, effect.count).then((sockets) => this.handle({ type: 'sockets-opened', attempt: effect.attempt, sockets }));
        break;
      case 'probe':
        session.connection.punch(effect.addresses.map((address): DirectRoute => (effect.socket === undefined ? { kind: 'direct', address } : { kind: 'direct', address, socket: effect.socket })));
        break;
      case 'renew':
        session.connection.renewPaths();
        break;
      case 'close-sockets':
        this.#closeLater(effect.attempt);
        break;
      case 'report':
        this.#listener.reported(effect.report);
    }
  }

  async #open(attempt: number, count: number): Promise<number[]> {
    const { sides } = this.#components;
    const sockets = await sides.openSideSockets(count);
    if (this.#stopped) for (const socket of sockets) sides.closeSideSocket(socket);
    else this.#sockets.set(attempt, [...(this.#sockets.get(attempt) ?? []), ...sockets]);
    return this.#stopped ? [] : sockets;
  }

  async #measure(attempt: number): Promise<void> {
    const [socket] = await this.#open(attempt, 1);
    const address = socket === undefined ? undefined : await this.#components.outerAddress(socket);
    this.handle({ type: 'measured', attempt, socket, address });
  }

  /** The peer may have just had an answer by one of them, and send its packets there, before this side knows. */
  #closeLater(attempt: number): void {
    if (this.#sockets.has(attempt)) this.#ended.add(attempt);
    if (this.#ended.size === 0 || this.#stopped) return;
    this.#lingering ??= this.#components.clock.setTimer(lingerMs, () => {
      this.#lingering = undefined;
      this.#closeUnused();
    });
  }

  /** Of all attempts that are over: what an earlier one left in use may be unused by now. */
  #closeUnused(): void {
    const used = new Set(this.#components.session.connection.paths().flatMap(({ route, state }) => (route.kind === 'direct' && state !== 'failed' ? (route.socket ?? []) : [])));
    for (const attempt of this.#ended) {
      const sockets = this.#sockets.get(attempt) ?? [];
      const kept = sockets.filter((socket) => used.has(socket));
      for (const socket of sockets) if (!used.has(socket)) this.#components.sides.closeSideSocket(socket);
      if (kept.length > 0) this.#sockets.set(attempt, kept);
      else {
        this.#sockets.delete(attempt);
        this.#ended.delete(attempt);
      }
    }
  }
}
