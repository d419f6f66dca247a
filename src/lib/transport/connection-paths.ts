import { addressScope } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { PathStatus, Route } from './endpoint.js';
import { decodeProbe, encodeProbe, verifyProbe, type Probe, type ProbeSender } from './path-probe.js';
import { PathSetCore, type PathEffect } from './path-set-core.js';

/** What the paths of a connection need of its endpoint. */
export interface PathHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** The host as the socket takes it; undefined when it cannot reach that address family. */
  nativeHost(host: string): string | undefined;
  /** The inverse of nativeHost(). */
  canonicalHost(host: string): string;
  /** @param host as nativeHost() gives it */
  sendDatagram(bytes: Uint8Array, host: string, port: number): void;
}

/** Everything known once both sides share a path key. */
interface Keyed {
  readonly key: Uint8Array;
  /** The id the peer chose for itself: probes to it carry it. */
  readonly peerId: Uint8Array;
}

/** Connection ids on this wire are always this long (docs/PROTOCOL.md). */
const peerIdBytes = 8;

/** The real paths of a connection: carries out what the path set decides. QUIC itself knows of none of them. */
export class ConnectionPaths {
  /** Where packets go, as the socket takes it. */
  remoteHost: string;
  remotePort: number;
  /** Where a copy of each goes while the path is in doubt. */
  secondHost: string | undefined;
  secondPort = 0;
  readonly #host: PathHost;
  readonly #role: ProbeSender;
  readonly #core: PathSetCore;
  readonly #listeners: ((route: Route) => void)[] = [];
  readonly #isLoopback: boolean;
  #keyed: Keyed | undefined;
  #stopped = false;

  /** @param remoteHost the route's host as the socket takes it */
  constructor(route: Route, remoteHost: string, role: ProbeSender, host: PathHost) {
    this.#host = host;
    this.#role = role;
    this.#core = new PathSetCore(host, route);
    this.remoteHost = remoteHost;
    this.remotePort = route.address.port;
    this.#isLoopback = addressScope(route.address.host) === 'loopback';
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

  /** @param peerId the peer's connection id @throws RangeError for a key that is not 32 bytes */
  setKey(key: Uint8Array, peerId: Uint8Array): void {
    if (key.length !== 32) throw new RangeError('a path key has 32 bytes');
    if (this.#keyed || peerId.length !== peerIdBytes) return;
    this.#keyed = { key: Uint8Array.from(key), peerId: Uint8Array.from(peerId) };
    this.#perform(this.#core.handle({ type: 'keyed' }, this.#host.clock.nowMs()));
  }

  add(route: Route): void {
    if (this.#host.nativeHost(route.address.host) === undefined) return;
    // Datagrams on loopback are larger than other paths carry.
    if (this.#isLoopback && addressScope(route.address.host) !== 'loopback') return;
    this.#perform(this.#core.handle({ type: 'addRoute', route }, this.#host.clock.nowMs()));
  }

  packetSent(bytes: number, nowMs: number): void {
    this.#core.packetSent(bytes, nowMs);
  }

  /** A QUIC packet came. It may be forged: a new source is only probed. */
  packetFrom(host: string, port: number, bytes: number, nowMs: number): void {
    if (port === this.remotePort && host === this.remoteHost && this.secondHost === undefined) {
      this.#core.packetReceived(bytes, nowMs);
      return;
    }
    if (port === 0) return;
    this.#perform(this.#core.handle({ type: 'packetFrom', route: this.#routeOf(host, port), bytes }, nowMs));
  }

  /** A probe addressed to this connection came; returns false for one that the peer did not make. */
  probeFrom(packet: Uint8Array, probe: Probe, host: string, port: number): boolean {
    const peerRole = this.#role === 'client' ? 'server' : 'client';
    if (this.#stopped || !this.#keyed || port === 0 || !verifyProbe(packet, this.#keyed.key, peerRole)) return false;
    const route = this.#routeOf(host, port);
    const { transaction, sequence } = probe;
    const event = probe.type === 'answer' ? { type: 'probeAnswered' as const, route, transaction } : { type: 'probeRequested' as const, route, transaction, sequence };
    this.#perform(this.#core.handle(event, this.#host.clock.nowMs()));
    return true;
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

  #routeOf(host: string, port: number): Route {
    return { kind: 'direct', address: { host: this.#host.canonicalHost(host), port } };
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
          break;
        case 'failed':
          break;
      }
    }
  }

  #sendProbe(type: Probe['type'], { route, transaction, sequence }: { route: Route; transaction: string; sequence: number }): void {
    const host = this.#host.nativeHost(route.address.host);
    if (!this.#keyed || this.#stopped || host === undefined) return;
    const { key, peerId } = this.#keyed;
    const observedAddress = type === 'answer' ? route.address : undefined;
    const bytes = encodeProbe({ type, connectionId: peerId, transaction, sequence, observedAddress }, key, this.#role);
    this.#host.sendDatagram(bytes, host, route.address.port);
  }

  #select(route: Route, alsoTo: Route | undefined): void {
    const changed = route.address.port !== this.remotePort || this.#host.canonicalHost(this.remoteHost) !== route.address.host;
    this.secondHost = alsoTo && this.#host.nativeHost(alsoTo.address.host);
    this.secondPort = alsoTo?.address.port ?? 0;
    if (!changed) return;
    this.remoteHost = this.#host.nativeHost(route.address.host) ?? this.remoteHost;
    this.remotePort = route.address.port;
    for (const listener of this.#listeners) listener(route);
  }
}

/** The probe in a datagram with the key of the connection it is addressed to, or undefined. */
export function probeOf(packet: Uint8Array): { readonly probe: Probe; readonly idKey: string } | undefined {
  const probe = decodeProbe(packet);
  return probe && { probe, idKey: Buffer.from(probe.connectionId).toString('latin1') };
}
