import type { SocketAddress } from '../base/address.js';
import type { Timer } from '../base/clock.js';
import { Emitter } from '../base/emitter.js';
import { MaculaError } from '../base/errors.js';
import type { Service } from '../base/lifecycle.js';
import type { Settings } from '../config/schema.js';
import type { NodeId } from '../identity/node-id.js';
import type { Session, SessionEvents } from '../session/session.js';
import { directAddress } from '../session/session-address.js';
import { FrameType } from '../wire/frame-type.js';
import { maxRelayAddresses, type RelayHint } from '../wire/peer-record.js';
import { readRelayReserveReply, relayReserveBody } from '../wire/relay-messages.js';
import type { RelayPorts } from './ports.js';
import { RelayClientCore, type RelayClientEffect, type RelayClientEvent } from './relay-client-core.js';

export type RelayClientSettings = Pick<Settings, 'relayUse' | 'relayCount'>;

export interface RelayClientComponents extends RelayPorts {
  /** Whether this node can be reached by others as it is; undefined while nothing is known of it. */
  readonly isReachable: () => boolean | undefined;
  /** Nodes that could relay, best first. */
  readonly candidates: () => readonly RelayHint[];
  /** An admitted session with a node, made if need be. */
  readonly connect: (nodeId: NodeId, addresses: readonly SocketAddress[], signal: AbortSignal) => Promise<Session>;
}

export interface RelayClientEvents {
  /** The relays this node is reachable through are others now. */
  changed: readonly RelayHint[];
  refused: { readonly relay: NodeId; readonly code: string; readonly reason: string };
}

/** In whose name connections to relays are kept. */
const keeper = 'reservations';

/** How often the need for relays and who could be one are looked at, besides whenever sessions come and go. */
const lookIntervalMs = 5000;

/** Keeps this node reachable through relays for as long as it is not reachable by itself. */
export class RelayClient implements Service {
  readonly #components: RelayClientComponents;
  readonly #settings: RelayClientSettings;
  readonly #events = new Emitter<RelayClientEvents>();
  readonly #core: RelayClientCore;
  #stop: AbortController | undefined;
  #unsubscribe: (() => void)[] = [];
  #timer: Timer | undefined;
  #lookTimer: Timer | undefined;
  #relaylessSinceMs: number | undefined;

  constructor(components: RelayClientComponents, settings: RelayClientSettings) {
    this.#components = components;
    this.#settings = settings;
    this.#core = new RelayClientCore(settings.relayCount);
  }

  async start(): Promise<void> {
    if (this.#stop) return;
    this.#stop = new AbortController();
    const { sessions } = this.#components;
    this.#unsubscribe = [sessions.on('opened', () => this.#look()), sessions.on('closed', (event) => this.#closed(event))];
    this.#look();
    this.#scheduleLook();
  }

  async stop(): Promise<void> {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#timer?.cancel();
    this.#lookTimer?.cancel();
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    this.#components.keep(keeper, []);
  }

  on<Name extends keyof RelayClientEvents>(name: Name, listener: (value: RelayClientEvents[Name]) => void): () => void {
    return this.#events.on(name, listener);
  }

  /** How long this node has needed relays and held none, milliseconds; undefined while it needs none or holds one. */
  get relaylessForMs(): number | undefined {
    return this.#relaylessSinceMs === undefined ? undefined : this.#components.clock.nowMs() - this.#relaylessSinceMs;
  }

  isReserved(nodeId: NodeId): boolean {
    return this.#core.isHeld(nodeId);
  }

  /** The relays this node is reachable through, with where they are. */
  relays(): RelayHint[] {
    return this.#core.held.map((nodeId) => this.#hintOf(nodeId));
  }

  /** Something changed that bears on whether relays are needed. */
  reconsider(): void {
    if (this.#stop) this.#look();
  }

  #look(): void {
    const { relayUse } = this.#settings;
    const wanted = relayUse === 'always' || (relayUse === 'auto' && this.#components.isReachable() === false);
    this.#handle({ type: 'wanted', wanted });
    if (!wanted || this.#core.held.length > 0) this.#relaylessSinceMs = undefined;
    else this.#relaylessSinceMs ??= this.#components.clock.nowMs();
    if (wanted) this.#handle({ type: 'candidates', nodeIds: this.#components.candidates().map(({ nodeId }) => nodeId) });
  }

  #scheduleLook(): void {
    this.#lookTimer = this.#components.clock.setTimer(lookIntervalMs, () => {
      this.#look();
      this.#scheduleLook();
    });
  }

  #closed({ session }: SessionEvents['closed']): void {
    const other = this.#components.sessions.get(session.nodeId);
    if (!other || other.isClosed) this.#handle({ type: 'lost', nodeId: session.nodeId });
    this.#look();
  }

  #handle(event: RelayClientEvent): void {
    this.#perform(this.#core.handle(event, this.#components.clock.nowMs()));
  }

  #perform(effects: readonly RelayClientEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'ask':
          void this.#ask(effect.nodeId);
          break;
        case 'changed':
          this.#components.keep(keeper, effect.relays);
          this.#events.emit('changed', this.relays());
      }
    }
    this.#schedule();
  }

  #schedule(): void {
    this.#timer?.cancel();
    const deadlineMs = this.#stop ? this.#core.nextDeadline() : undefined;
    if (deadlineMs === undefined) return;
    const { clock } = this.#components;
    this.#timer = clock.setTimer(Math.max(0, deadlineMs - clock.nowMs()), () => this.#perform(this.#core.handleTimeout(clock.nowMs())));
  }

  async #ask(nodeId: NodeId): Promise<void> {
    const stop = this.#stop;
    if (!stop) return;
    const { connect, candidates, logger } = this.#components;
    try {
      const known = candidates().find((one) => one.nodeId === nodeId)?.addresses ?? [];
      const session = await connect(nodeId, known, stop.signal);
      const seconds = readRelayReserveReply(await session.request(FrameType.relayReserve, relayReserveBody(), { signal: stop.signal }));
      if (this.#stop === stop) this.#handle({ type: 'reserved', nodeId, lifetimeMs: seconds * 1000 });
    } catch (error) {
      if (this.#stop !== stop) return;
      const { code, message, details } = MaculaError.from(error);
      const reason = typeof details['reason'] === 'string' ? details['reason'] : message;
      logger.debug('a relay gave no reservation', { relay: nodeId, code, reason });
      this.#events.emit('refused', { relay: nodeId, code, reason });
      this.#handle({ type: code === 'MACULA_RELAY_REFUSED' ? 'refused' : 'failed', nodeId });
    }
  }

  #hintOf(nodeId: NodeId): RelayHint {
    const session = this.#components.sessions.get(nodeId);
    const current = session && directAddress(session);
    const known = this.#components.candidates().find((one) => one.nodeId === nodeId)?.addresses ?? [];
    const addresses = current ? [current, ...known.filter(({ host, port }) => host !== current.host || port !== current.port)] : known;
    return { nodeId, addresses: addresses.slice(0, maxRelayAddresses) };
  }
}
