import { formatAddress, type SocketAddress } from '../../src/lib/base/address.js';
import { seededRandom, type RandomSource } from '../../src/lib/base/random.js';
import { offeredCandidates } from '../../src/lib/nat/candidates.js';
import { PunchCore } from '../../src/lib/nat/punch-core.js';
import type { BirthdaySlot, PunchEffect, PunchReport } from '../../src/lib/nat/punch-types.js';
import type { DirectRoute, PathStatus, Route } from '../../src/lib/transport/endpoint.js';
import { PathSetCore, routeKey, type PathEffect } from '../../src/lib/transport/path-set-core.js';
import type { PunchMessage } from '../../src/lib/wire/punch.js';
import { SimulatedNetwork, summaries, type LinkOptions, type NatOptions, type SimulatedHost, type SimulatedKind, type SimulatedNat } from './simulated-network.js';

const nodePort = 4433;
const server: SocketAddress = { host: '203.0.113.250', port: 4433 };
/** What is sent on it reaches the peer, whatever its NAT. */
const relayed: Route = { kind: 'relay', relay: '3'.repeat(64), via: server, sessionId: '0'.repeat(16) };
/** One way through the relay. */
const relayedMs = 40;

type Payload =
  | { readonly type: 'packet' }
  | { readonly type: 'request'; readonly transaction: string; readonly sequence: number }
  | { readonly type: 'answer'; readonly transaction: string; readonly sequence: number };

export interface SideOptions extends NatOptions {
  readonly kind: SimulatedKind;
  /** Behind the same NAT as the other side. */
  readonly sameNat?: boolean;
  /** The NAT is behind one of this kind. */
  readonly behind?: Exclude<SimulatedKind, 'none'>;
  /** Connections a second that other hosts inside open. */
  readonly noise?: number;
  /** Nobody vouches for the peer's address. */
  readonly unverified?: boolean;
  /** Says that it is seen there. */
  readonly claims?: SocketAddress;
}

export function slotOf(): BirthdaySlot & { taken: boolean } {
  return {
    taken: false,
    take() {
      if (this.taken) return false;
      return (this.taken = true);
    },
    release() {
      this.taken = false;
    },
  };
}

/** One node: its punch core, its path set and its sockets. */
export class PunchSide {
  readonly core: PunchCore;
  readonly paths: PathSetCore;
  readonly slot = slotOf();
  readonly reports: PunchReport[] = [];
  readonly sent: PunchMessage[] = [];
  peer!: PunchSide;
  /** Probes sent directly, by the host they went to. */
  readonly probes = new Map<string, number>();
  directMs: number | undefined;
  /** What packets took from when on. */
  readonly selections: { readonly atMs: number; readonly kind: Route['kind'] }[] = [];
  #route = routeKey(relayed);
  /** When packets of the peer came. */
  readonly receivedMs: number[] = [];
  #ports = new Map<number, number>();
  #nextSocket = 1;

  constructor(
    readonly net: SimulatedNetwork,
    readonly host: SimulatedHost,
    readonly options: SideOptions,
    nodeId: string,
    peerId: string,
    random: RandomSource,
  ) {
    this.paths = new PathSetCore({ random }, relayed);
    this.core = new PunchCore({ nodeId, peerId, random, slot: this.slot, own: () => this.#own(), isPeerHost: () => false }, { punchRetryMinMs: 5000, punchRetryMaxMs: 300_000 });
    host.receive = (payload, from, port) => this.#receive(payload as Payload, from, port);
  }

  get openSockets(): number {
    return this.#ports.size;
  }

  outer(): SocketAddress {
    return this.net.outerAddress(this.host, nodePort, server);
  }

  get deadlineMs(): number {
    return Math.min(this.core.nextDeadline() ?? Infinity, this.paths.nextDeadline() ?? Infinity);
  }

  start(): void {
    this.#walk(this.paths.handle({ type: 'keyed' }, this.net.nowMs));
    this.#do(this.core.handle({ type: 'relayed' }, this.net.nowMs));
  }

  timeout(): void {
    const { nowMs } = this.net;
    if ((this.core.nextDeadline() ?? Infinity) <= nowMs) this.#do(this.core.handleTimeout(nowMs));
    if ((this.paths.nextDeadline() ?? Infinity) <= nowMs) this.#walk(this.paths.handleTimeout(nowMs));
  }

  do(event: Parameters<PunchCore['handle']>[0]): void {
    this.#do(this.core.handle(event, this.net.nowMs));
  }

  /** Sends a packet that often, until then. */
  traffic(everyMs: number, untilMs: number): void {
    const { nowMs } = this.net;
    this.paths.packetSent(100, nowMs);
    for (const route of [this.paths.selected, this.paths.alsoTo]) if (route) this.#dispatch(route, { type: 'packet' });
    if (nowMs + everyMs <= untilMs) this.net.at(nowMs + everyMs, () => this.traffic(everyMs, untilMs));
  }

  /** Routes that are direct and work. */
  directRoutes(): DirectRoute[] {
    return this.paths.statuses().flatMap(({ route, state }) => (state === 'usable' && route.kind === 'direct' ? [route] : []));
  }

  #own() {
    const local = [{ host: this.host.host, port: nodePort }];
    return { nat: summaries[this.options.behind ?? this.options.kind], candidates: offeredCandidates({ local, mapped: [], observed: [this.options.claims ?? this.outer()] }), local };
  }

  #receive(payload: Payload, from: SocketAddress, port: number): void {
    const socket = port === nodePort ? undefined : [...this.#ports].find(([, used]) => used === port)?.[0];
    if (port !== nodePort && socket === undefined) return;
    this.#take(payload, { kind: 'direct', address: from, socket });
  }

  #take(payload: Payload, route: Route): void {
    const { nowMs } = this.net;
    if (payload.type === 'packet') {
      this.receivedMs.push(nowMs);
      return this.#walk(this.paths.handle({ type: 'packetFrom', route, bytes: 100 }, nowMs));
    }
    const { transaction, sequence } = payload;
    if (payload.type === 'request') this.#walk(this.paths.handle({ type: 'probeRequested', route, transaction, sequence }, nowMs));
    else this.#walk(this.paths.handle({ type: 'probeAnswered', route, transaction }, nowMs));
  }

  #walk(effects: readonly PathEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'select') {
        if (routeKey(effect.route) !== this.#route) this.#selected(effect.route);
        this.#route = routeKey(effect.route);
      }
      if (effect.type === 'doubt') this.#doubt(effect.inDoubt);
      if (effect.type !== 'sendProbe' && effect.type !== 'sendAnswer') continue;
      const { route, transaction, sequence } = effect;
      const payload: Payload = { type: effect.type === 'sendProbe' ? 'request' : 'answer', transaction, sequence };
      this.#dispatch(route, payload);
    }
  }

  #dispatch(route: Route, payload: Payload): void {
    if (route.kind === 'relay') this.net.at(this.net.nowMs + relayedMs, () => this.peer.#take(payload, relayed));
    else this.#send(route, payload);
  }

  #selected(route: Route): void {
    this.selections.push({ atMs: this.net.nowMs, kind: route.kind });
    if (route.kind === 'relay') return this.do({ type: 'relayed' });
    this.directMs ??= this.net.nowMs;
    this.do({ type: 'direct', sinceMs: this.#inUse()?.usableSinceMs ?? this.net.nowMs });
  }

  #inUse(): PathStatus | undefined {
    return this.paths.statuses().find(({ selected }) => selected);
  }

  #doubt(inDoubt: boolean): void {
    const { usableSinceMs = 0, lastSeenMs = 0 } = this.#inUse() ?? {};
    this.do(inDoubt ? { type: 'doubted', livedMs: lastSeenMs - usableSinceMs } : { type: 'doubt-over' });
  }

  #send(route: DirectRoute, payload: Payload): void {
    const port = route.socket === undefined ? nodePort : this.#ports.get(route.socket);
    if (port === undefined) return;
    this.probes.set(route.address.host, (this.probes.get(route.address.host) ?? 0) + 1);
    this.net.send(this.host, port, route.address, payload);
  }

  #open(): number {
    const socket = this.#nextSocket++;
    this.#ports.set(socket, 40_000 + socket);
    return socket;
  }

  #do(effects: readonly PunchEffect[]): void {
    const { net } = this;
    for (const effect of effects) {
      switch (effect.type) {
        case 'send':
          this.sent.push(effect.message);
          net.at(net.nowMs + relayedMs, () => this.peer.do({ type: 'message', message: effect.message }));
          break;
        case 'measure': {
          const socket = this.#open();
          net.at(net.nowMs + 20, () => {
            const address = net.outerAddress(this.host, this.#ports.get(socket)!, server);
            net.at(net.nowMs + 20, () => this.do({ type: 'measured', attempt: effect.attempt, socket, address }));
          });
          break;
        }
        case 'locate':
          // The relay is asked, and tells where it sees the peer.
          net.at(net.nowMs + relayedMs, () => this.do({ type: 'located', attempt: effect.attempt, hosts: this.options.unverified ? [] : [this.peer.outer().host] }));
          break;
        case 'open-sockets': {
          const sockets = Array.from({ length: effect.count }, () => this.#open());
          net.at(net.nowMs + 25, () => this.do({ type: 'sockets-opened', attempt: effect.attempt, sockets }));
          break;
        }
        case 'probe':
          this.#walk(this.paths.handle({ type: 'punch', routes: effect.addresses.map((address) => ({ kind: 'direct', address, socket: effect.socket })) }, net.nowMs));
          break;
        case 'renew':
          this.#walk(this.paths.handle({ type: 'renew' }, net.nowMs));
          break;
        case 'close-sockets': {
          const used = new Set(this.directRoutes().map(({ socket }) => socket));
          for (const socket of this.#ports.keys()) if (!used.has(socket)) this.#ports.delete(socket);
          break;
        }
        case 'report':
          this.reports.push(effect.report);
      }
    }
  }
}

/** Two nodes connected through a relay, each behind a NAT, punching. */
export class PunchPair {
  readonly net: SimulatedNetwork;
  readonly a: PunchSide;
  readonly b: PunchSide;
  readonly nats: Record<'a' | 'b', SimulatedNat | undefined>;
  readonly #noise: { readonly nat: SimulatedNat; readonly perSecond: number }[] = [];

  constructor(seed: number, a: SideOptions, b: SideOptions, link: LinkOptions = { delayMs: 10 }) {
    const random = seededRandom(seed);
    this.net = new SimulatedNetwork(random, link);
    this.net.host(server.host);
    const natA = this.#natOf(a, '198.51.100.1', '100.64.1.1');
    const natB = b.sameNat ? natA : this.#natOf(b, '198.51.100.2', '100.64.2.1');
    this.nats = { a: natA, b: natB };
    const hostA = this.net.host(natA ? '10.0.0.2' : '203.0.113.1', natA);
    const hostB = this.net.host(natB ? (b.sameNat ? '10.0.0.3' : '10.0.1.2') : '203.0.113.2', natB);
    const [idA, idB] = ['1'.repeat(64), '2'.repeat(64)];
    this.a = new PunchSide(this.net, hostA, a, idA, idB, random);
    this.b = new PunchSide(this.net, hostB, b, idB, idA, random);
    this.a.peer = this.b;
    this.b.peer = this.a;
    for (const [side, nat] of [[a, natA], [b, natB]] as const) if (side.noise && nat) this.#noise.push({ nat, perSecond: side.noise });
  }

  start(): void {
    this.a.start();
    this.b.start();
  }

  get isDirect(): boolean {
    return this.a.directMs !== undefined && this.b.directMs !== undefined;
  }

  /** Lets time pass until both have a direct path or it is over. @returns whether both have */
  run(durationMs: number, until: () => boolean = () => this.isDirect): boolean {
    const endMs = this.net.nowMs + durationMs;
    while (!until()) {
      const nextMs = Math.min(this.net.nextMs, this.a.deadlineMs, this.b.deadlineMs);
      const passedMs = Math.min(nextMs, endMs) - this.net.nowMs;
      for (const { nat, perSecond } of this.#noise) nat.useUpPorts(this.#poisson((perSecond * passedMs) / 1000));
      if (nextMs > endMs) {
        this.net.run(endMs);
        return until();
      }
      this.net.run(Math.max(this.net.nowMs, nextMs));
      this.a.timeout();
      this.b.timeout();
    }
    return true;
  }

  #natOf({ kind, behind, ...options }: SideOptions, outerHost: string, innerHost: string): SimulatedNat | undefined {
    if (kind === 'none') return undefined;
    if (behind === undefined) return this.net.nat(kind, outerHost, options);
    return this.net.nat(kind, innerHost, { ...options, carrier: this.net.nat(behind, outerHost) });
  }

  #poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let count = -1;
    for (let product = 1; product > limit; count++) product *= seeded.float();
    return Math.max(0, count);
  }
}

const seeded = seededRandom(99);

/** For messages of failed expectations. */
export function story(pair: PunchPair): string {
  const of = (side: PunchSide): string => side.reports.map(({ role, technique, outcome, probes, durationMs, peerCandidates }) => `${role} ${technique?.kind} ${outcome} after ${durationMs.toFixed(0)} ms, ${probes} probes to ${peerCandidates.map(({ address }) => formatAddress(address)).join(' ')}`).join('; ');
  return `a: ${of(pair.a)}\nb: ${of(pair.b)}`;
}
