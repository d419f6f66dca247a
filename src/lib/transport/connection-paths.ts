import { addressScope } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { DirectRoute, PathStatus, Route } from './endpoint.js';
import { decodeProbe, encodeProbe, verifyProbe, type Probe, type ProbeSender } from './path-probe.js';
import { PathSetCore, type PathEffect } from './path-set-core.js';
import type { PathReason } from './path-selector.js';
import type { Hop, RelayLink } from './relay-link.js';
import { routeKey } from './route.js';

/** What the paths of a connection need of its endpoint. */
export interface PathHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Where datagrams on a route go; undefined when there is no way there (any more). */
  hopOf(route: Route): Hop | undefined;
  /** The route datagrams from there came by. */
  routeOf(host: string, port: number, link: RelayLink | undefined): Route;
  sendDatagram(bytes: Uint8Array, hop: Hop): void;
}

/** Everything known once both sides share a path key. */
interface Keyed {
  readonly key: Uint8Array;
  /** The id the peer chose for itself: probes to it carry it. */
  readonly peerId: Uint8Array;
}

/** Packets that are sent again when the path they took fell silent: the last may be mere acknowledgements, which nobody answers. */
const keptPackets = 4;

/** Connection ids on this wire are always this long (docs/PROTOCOL.md). */
const peerIdBytes = 8;

/** The real paths of a connection: carries out what the path set decides. QUIC itself knows of none of them. */
export class ConnectionPaths {
  /** Where packets go. */
  first: Hop;
  /** Where a copy of each goes while the path is in doubt. */
  second: Hop | undefined;
  /** Whether a packet may have to travel through a relay, now or when it is sent again: it must fit a relayed datagram. */
  mayRelay: boolean;
  relayedBytesSent = 0;
  relayedBytesReceived = 0;
  readonly #host: PathHost;
  readonly #role: ProbeSender;
  readonly #core: PathSetCore;
  readonly #listeners: ((route: Route) => void)[] = [];
  readonly #doubtListeners: ((inDoubt: boolean) => void)[] = [];
  readonly #isLoopback: boolean;
  #keyed: Keyed | undefined;
  #newKey: (() => Keyed) | undefined;
  #stopped = false;
  /** The packets sent last, a ring. */
  readonly #last: { readonly buffer: Buffer; bytes: number }[] = [];
  #nextLast = 0;

  /** @param first where the route leads */
  constructor(route: Route, first: Hop, role: ProbeSender, host: PathHost) {
    this.#host = host;
    this.#role = role;
    this.#core = new PathSetCore(host, route);
    this.first = first;
    this.mayRelay = first.link !== undefined;
    this.#isLoopback = route.kind === 'direct' && addressScope(route.address.host) === 'loopback';
  }

  get route(): Route {
    return this.#core.selected;
  }

  list(): readonly PathStatus[] {
    return this.#core.statuses();
  }

  onChange(listener: (route: Route) => void): void {
    this.#listeners.push(listener);
  }

  onDoubt(listener: (inDoubt: boolean) => void): void {
    this.#doubtListeners.push(listener);
  }

  /** @param key asked for in {@link takeKey} @param peerId the peer's connection id */
  setKey(key: () => Uint8Array, peerId: Uint8Array): void {
    if (this.#keyed || peerId.length !== peerIdBytes) return;
    this.#newKey = () => ({ key: Uint8Array.from(key()), peerId: Uint8Array.from(peerId) });
  }

  /** Takes up a key that was set, which sends probes: call it when what the peer waits for is sent. @throws RangeError for a key that is not 32 bytes */
  takeKey(): void {
    if (!this.#newKey || this.#stopped) return;
    const keyed = this.#newKey();
    this.#newKey = undefined;
    if (keyed.key.length !== 32) throw new RangeError('a path key has 32 bytes');
    this.#keyed = keyed;
    this.#perform(this.#core.handle({ type: 'keyed' }, this.#host.clock.nowMs()));
  }

  add(route: Route): void {
    this.takeKey();
    if (this.#stopped || this.#host.hopOf(route) === undefined || this.#isTooNarrow(route)) return;
    this.mayRelay ||= route.kind === 'relay';
    this.#perform(this.#core.handle({ type: 'addRoute', route }, this.#host.clock.nowMs()));
  }

  /** Sends a probe to each at once; those that are answered become routes. */
  punch(routes: readonly DirectRoute[]): void {
    this.takeKey();
    const reachable = routes.filter((route) => this.#host.hopOf(route) !== undefined && !this.#isTooNarrow(route));
    if (!this.#stopped) this.#perform(this.#core.handle({ type: 'punch', routes: reachable }, this.#host.clock.nowMs()));
  }

  /** Direct routes known now are left for the next other one that answers. */
  renew(): void {
    if (!this.#stopped) this.#perform(this.#core.handle({ type: 'renew' }, this.#host.clock.nowMs()));
  }

  /** A route is gone for good. */
  lose(route: Route): void {
    if (!this.#stopped) this.#perform(this.#core.handle({ type: 'routeLost', route }, this.#host.clock.nowMs()));
  }

  /** @param packet begins with the packet; it is copied where it may be needed again */
  packetSent(packet: Uint8Array, bytes: number, nowMs: number): void {
    if (this.#core.hasAlternative) this.#remember(packet, bytes);
    if (this.first.link) this.relayedBytesSent += bytes;
    if (this.second?.link) this.relayedBytesSent += bytes;
    this.#core.packetSent(bytes, nowMs);
  }

  /** A QUIC packet came, through a relay where there is a link. It may be forged: a new source is only probed. */
  packetFrom(host: string, port: number, link: RelayLink | undefined, bytes: number, nowMs: number): void {
    if (link) this.relayedBytesReceived += bytes;
    if (this.second === undefined && this.#isFirst(host, port, link)) {
      this.#core.packetReceived(bytes, nowMs);
      return;
    }
    if (port === 0) return;
    this.#perform(this.#core.handle({ type: 'packetFrom', route: this.#host.routeOf(host, port, link), bytes }, nowMs));
  }

  /** A probe addressed to this connection came; returns false for one that the peer did not make. */
  probeFrom(packet: Uint8Array, probe: Probe, host: string, port: number, link: RelayLink | undefined): boolean {
    const peerRole = this.#role === 'client' ? 'server' : 'client';
    if (this.#stopped || !this.#keyed || port === 0 || !verifyProbe(packet, this.#keyed.key, peerRole)) return false;
    this.mayRelay ||= link !== undefined;
    const route = this.#host.routeOf(host, port, link);
    const { transaction, sequence } = probe;
    const event = probe.type === 'answer' ? { type: 'probeAnswered' as const, route, transaction } : { type: 'probeRequested' as const, route, transaction, sequence };
    this.#perform(this.#core.handle(event, this.#host.clock.nowMs()));
    return true;
  }

  /** Whether packets may come from there: it is where packets go, or another path that was proven. */
  comesFrom(host: string, port: number): boolean {
    if (this.#isFirst(host, port, undefined)) return true;
    const key = routeKey(this.#host.routeOf(host, port, undefined));
    return this.#core.statuses().some((one) => one.state === 'usable' && routeKey(one.route) === key);
  }

  /** Clock.nowMs() at which timeout() is due; Infinity for never. */
  deadlineMs(): number {
    return this.#keyed && !this.#stopped ? (this.#core.nextDeadline() ?? Infinity) : Infinity;
  }

  timeout(nowMs: number): void {
    if (this.#keyed && !this.#stopped) this.#perform(this.#core.handleTimeout(nowMs));
  }

  stop(): void {
    this.#stopped = true;
  }

  #isFirst(host: string, port: number, link: RelayLink | undefined): boolean {
    const { first } = this;
    if (link !== undefined || first.link !== undefined) return link === first.link;
    return port === first.port && host === first.host;
  }

  /** Datagrams on loopback are larger than other paths carry. */
  #isTooNarrow(route: Route): boolean {
    return this.#isLoopback && (route.kind === 'relay' || addressScope(route.address.host) !== 'loopback');
  }

  #perform(effects: readonly PathEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case 'sendProbe':
          this.#sendProbe('request', effect);
          break;
        case 'sendAnswer':
          this.#sendProbe('answer', effect);
          break;
        case 'select':
          this.#select(effect.route, effect.alsoTo);
          if (isSilence(effect.reason)) this.#repeatLast();
          break;
        case 'doubt':
          for (const listener of this.#doubtListeners) listener(effect.inDoubt);
          break;
        case 'failed':
          break;
      }
    }
  }

  #remember(packet: Uint8Array, bytes: number): void {
    const index = this.#nextLast;
    let kept = this.#last[index];
    if (!kept || kept.buffer.length < bytes) this.#last[index] = kept = { buffer: Buffer.allocUnsafe(packet.length), bytes };
    kept.buffer.set(packet.subarray(0, bytes));
    kept.bytes = bytes;
    this.#nextLast = (index + 1) % keptPackets;
  }

  /**
   * QUIC knows nothing of paths: while the one it used was silent it came to wait for seconds before it tries again (RFC 9002, section
   * 6.2.1). Its last tries, sent again on the way that is taken now, are answered at once, and that ends the waiting. They were
   * encrypted when they were first sent, and the other end takes each packet only once.
   */
  #repeatLast(): void {
    const hop = this.second ?? this.first;
    for (let offset = 0; offset < keptPackets; offset += 1) {
      const kept = this.#last[(this.#nextLast + offset) % keptPackets];
      if (kept) this.#host.sendDatagram(kept.buffer.subarray(0, kept.bytes), hop);
    }
  }

  #sendProbe(type: Probe['type'], { route, transaction, sequence }: { route: Route; transaction: string; sequence: number }): void {
    const hop = this.#host.hopOf(route);
    if (!this.#keyed || this.#stopped || !hop) return;
    const { key, peerId } = this.#keyed;
    const observedAddress = type === 'answer' && route.kind === 'direct' ? route.address : undefined;
    this.#host.sendDatagram(encodeProbe({ type, connectionId: peerId, transaction, sequence, observedAddress }, key, this.#role), hop);
  }

  #select(route: Route, alsoTo: Route | undefined): void {
    this.second = alsoTo && this.#host.hopOf(alsoTo);
    const hop = this.#host.hopOf(route);
    if (!hop || this.#isFirst(hop.host, hop.port, hop.link)) return;
    this.first = hop;
    for (const listener of this.#listeners) listener(route);
  }
}

/** Whether packets are sent elsewhere because nothing came by the way they took. At rest nothing was to come, and what was sent last has long been answered. */
function isSilence(reason: PathReason): boolean {
  return reason === 'in-doubt' || reason === 'silent' || reason === 'failed';
}

/** The probe in a datagram with the key of the connection it is addressed to, or undefined. */
export function probeOf(packet: Uint8Array): { readonly probe: Probe; readonly idKey: string } | undefined {
  const probe = decodeProbe(packet);
  return probe && { probe, idKey: Buffer.from(probe.connectionId).toString('latin1') };
}
