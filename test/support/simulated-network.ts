import { addressScope, formatAddress, type SocketAddress } from '../../src/lib/base/address.js';
import type { RandomSource } from '../../src/lib/base/random.js';
import type { NatSummary } from '../../src/lib/wire/punch.js';

/** The kinds of NAT of docs/NAT.md. */
export const simulatedKinds = ['none', 'full-cone', 'address-restricted', 'port-restricted', 'symmetric-sequential', 'symmetric-random'] as const;
export type SimulatedKind = (typeof simulatedKinds)[number];

type Scope = 'any' | 'host' | 'address';

interface Behaviour {
  /** What a mapping is for. */
  readonly mapping: Scope;
  /** From where packets are let in. */
  readonly filtering: Scope;
  readonly ports: 'preserved' | 'sequential' | 'random';
}

const behaviours: Readonly<Record<Exclude<SimulatedKind, 'none'>, Behaviour>> = {
  'full-cone': { mapping: 'any', filtering: 'any', ports: 'preserved' },
  'address-restricted': { mapping: 'any', filtering: 'host', ports: 'preserved' },
  'port-restricted': { mapping: 'any', filtering: 'address', ports: 'preserved' },
  'symmetric-sequential': { mapping: 'address', filtering: 'address', ports: 'sequential' },
  'symmetric-random': { mapping: 'address', filtering: 'address', ports: 'random' },
};

/** What discovery finds out about a NAT of this kind. */
export const summaries: Readonly<Record<SimulatedKind, NatSummary>> = {
  none: { natType: 'none', mapping: 'endpoint-independent', filtering: 'endpoint-independent', ports: 'preserved', portDelta: 0 },
  'full-cone': { natType: 'full-cone', mapping: 'endpoint-independent', filtering: 'endpoint-independent', ports: 'preserved', portDelta: 0 },
  'address-restricted': { natType: 'address-restricted', mapping: 'endpoint-independent', filtering: 'address-dependent', ports: 'preserved', portDelta: 0 },
  'port-restricted': { natType: 'port-restricted', mapping: 'endpoint-independent', filtering: 'address-and-port-dependent', ports: 'preserved', portDelta: 0 },
  'symmetric-sequential': { natType: 'symmetric', mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', ports: 'sequential', portDelta: 1 },
  'symmetric-random': { natType: 'symmetric', mapping: 'address-and-port-dependent', filtering: 'address-and-port-dependent', ports: 'random', portDelta: 0 },
};

export interface NatOptions {
  /** A mapping nothing went through for this long is gone. */
  readonly timeoutMs?: number;
  /** A mapping this old is gone, whatever goes through it. */
  readonly lifeMs?: number;
  /** Whether hosts inside reach each other by outer addresses. */
  readonly hairpin?: boolean;
  /** A packet that is not let in makes the router give the next mapping to its sender another port (NAT.md, "The lab"). */
  readonly hostile?: boolean;
  /** The NAT this one is behind. */
  readonly carrier?: SimulatedNat;
}

interface Mapping {
  readonly inner: SocketAddress;
  readonly outerPort: number;
  readonly spokenTo: Set<string>;
  readonly madeMs: number;
  usedMs: number;
}

function scoped(scope: Scope, address: SocketAddress): string {
  return scope === 'any' ? '' : scope === 'host' ? address.host : formatAddress(address);
}

/** A NAT under virtual time. */
export class SimulatedNat {
  readonly #behaviour: Behaviour;
  readonly #mappings = new Map<string, Mapping>();
  readonly #byPort = new Map<number, Mapping>();
  /** Hostile variant: senders that came too early, by the port they came to. */
  readonly #early = new Map<string, number>();
  readonly #random: RandomSource;
  #nextPort: number;

  constructor(
    kind: Exclude<SimulatedKind, 'none'>,
    readonly outerHost: string,
    readonly options: NatOptions,
    random: RandomSource,
  ) {
    this.#behaviour = behaviours[kind];
    this.#random = random;
    this.#nextPort = 20_000 + random.integer(20_000);
  }

  /** The source a packet has outside. */
  out(from: SocketAddress, to: SocketAddress, nowMs: number): SocketAddress {
    const { mapping: scope } = this.#behaviour;
    let key = `${formatAddress(from)}>${scoped(scope, to)}`;
    let mapping = this.#alive(key, nowMs) ?? this.#create(key, from, nowMs);
    if (this.#isEarly(to, mapping.outerPort, nowMs) && !mapping.spokenTo.has(formatAddress(to))) {
      key = `${formatAddress(from)}>${formatAddress(to)}!`;
      mapping = this.#alive(key, nowMs) ?? this.#create(key, from, nowMs, this.#freeRandomPort());
    }
    mapping.usedMs = nowMs;
    mapping.spokenTo.add(formatAddress(to)).add(to.host);
    return { host: this.outerHost, port: mapping.outerPort };
  }

  /** Where a packet that came from outside goes, or undefined: it is dropped. */
  in(from: SocketAddress, port: number, nowMs: number): SocketAddress | undefined {
    const mapping = this.#byPort.get(port);
    const isAlive = mapping !== undefined && this.#isAlive(mapping, nowMs);
    const { filtering } = this.#behaviour;
    if (isAlive && (filtering === 'any' || mapping.spokenTo.has(scoped(filtering, from)))) {
      mapping.usedMs = nowMs;
      return mapping.inner;
    }
    if (this.options.hostile) this.#early.set(`${formatAddress(from)}>${port}`, nowMs);
    return undefined;
  }

  /** Forgets all mappings, as a router that was switched off and on. */
  forget(): void {
    this.#mappings.clear();
    this.#byPort.clear();
  }

  /** Other hosts inside open connections of their own. */
  useUpPorts(count: number): void {
    if (this.#behaviour.ports === 'sequential') this.#nextPort += count;
  }

  get #timeoutMs(): number {
    return this.options.timeoutMs ?? 30_000;
  }

  #isEarly(to: SocketAddress, port: number, nowMs: number): boolean {
    const atMs = this.#early.get(`${formatAddress(to)}>${port}`);
    return atMs !== undefined && nowMs - atMs < this.#timeoutMs;
  }

  #alive(key: string, nowMs: number): Mapping | undefined {
    const mapping = this.#mappings.get(key);
    return mapping && this.#isAlive(mapping, nowMs) ? mapping : undefined;
  }

  #isAlive({ usedMs, madeMs }: Mapping, nowMs: number): boolean {
    return nowMs - usedMs < this.#timeoutMs && nowMs - madeMs < (this.options.lifeMs ?? Infinity);
  }

  #create(key: string, inner: SocketAddress, nowMs: number, port = this.#choosePort(inner)): Mapping {
    const mapping: Mapping = { inner, outerPort: port, spokenTo: new Set(), madeMs: nowMs, usedMs: nowMs };
    this.#mappings.set(key, mapping);
    this.#byPort.set(port, mapping);
    return mapping;
  }

  #choosePort(inner: SocketAddress): number {
    switch (this.#behaviour.ports) {
      case 'preserved':
        return this.#byPort.has(inner.port) && this.#byPort.get(inner.port)!.inner.host !== inner.host ? this.#freeRandomPort() : inner.port;
      case 'sequential':
        this.#nextPort += 1;
        return this.#nextPort;
      case 'random':
        return this.#freeRandomPort();
    }
  }

  #freeRandomPort(): number {
    let port: number;
    do port = 1024 + this.#random.integer(64_512);
    while (this.#byPort.has(port));
    return port;
  }
}

export type Receive = (payload: unknown, from: SocketAddress, port: number) => void;

/** A host: on the Internet, or behind a NAT. */
export interface SimulatedHost {
  readonly host: string;
  readonly nat: SimulatedNat | undefined;
  receive: Receive;
}

export interface LinkOptions {
  /** One way. */
  readonly delayMs: number;
  /** Added to it, at most; more than the distance of two packets reorders them. */
  readonly jitterMs?: number;
  /** Share of packets lost. */
  readonly loss?: number;
}

/** Hosts and NATs, datagrams between them, under virtual time. */
export class SimulatedNetwork {
  nowMs = 1000;
  readonly #hosts = new Map<string, SimulatedHost>();
  readonly #nats = new Map<string, SimulatedNat>();
  readonly #random: RandomSource;
  readonly #link: LinkOptions;
  #queue: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(random: RandomSource, link: LinkOptions) {
    this.#random = random;
    this.#link = link;
  }

  nat(kind: Exclude<SimulatedKind, 'none'>, outerHost: string, options: NatOptions = {}): SimulatedNat {
    const nat = new SimulatedNat(kind, outerHost, options, this.#random);
    this.#nats.set(this.#place(outerHost, options.carrier), nat);
    return nat;
  }

  host(host: string, nat?: SimulatedNat): SimulatedHost {
    const made: SimulatedHost = { host, nat, receive: () => undefined };
    this.#hosts.set(this.#place(host, nat), made);
    return made;
  }

  send(host: SimulatedHost, port: number, to: SocketAddress, payload: unknown): void {
    const arrived = this.#travel({ host: host.host, port }, to, host.nat);
    if (!arrived || this.#random.float() < (this.#link.loss ?? 0)) return;
    const delayMs = this.#link.delayMs + this.#random.float() * (this.#link.jitterMs ?? 0);
    this.at(this.nowMs + delayMs, () => this.#arrive(arrived, payload));
  }

  /** The address a server outside sees; makes a mapping, as asking one does. */
  outerAddress(host: SimulatedHost, port: number, server: SocketAddress): SocketAddress {
    return this.#travel({ host: host.host, port }, server, host.nat)?.from ?? { host: host.host, port };
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs, run };
    let low = 0;
    for (let high = this.#queue.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#queue[middle]!.atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#queue.splice(low, 0, event);
  }

  get nextMs(): number {
    return this.#queue[0]?.atMs ?? Infinity;
  }

  /** Runs what is due by then. */
  run(untilMs: number): void {
    this.nowMs = untilMs;
    while (this.nextMs <= untilMs) this.#queue.shift()!.run();
  }

  /** Addresses inside different NATs may be equal. */
  #place(host: string, nat: SimulatedNat | undefined): string {
    return nat && addressScope(host) !== 'public' ? `${nat.outerHost}/${host}` : host;
  }

  /** Takes a packet outward as far as it has to go; the way in again is found when it arrives. */
  #travel(from: SocketAddress, to: SocketAddress, nat: SimulatedNat | undefined): { from: SocketAddress; to: SocketAddress; nat: SimulatedNat | undefined } | undefined {
    if (nat === undefined) return { from, to, nat };
    if (this.#hosts.has(this.#place(to.host, nat)) && addressScope(to.host) !== 'public') return { from, to, nat };
    const outside = nat.out(from, to, this.nowMs);
    if (to.host === nat.outerHost) return nat.options.hairpin ? { from: outside, to, nat: nat.options.carrier } : undefined;
    return this.#travel(outside, to, nat.options.carrier);
  }

  #arrive(packet: { from: SocketAddress; to: SocketAddress; nat: SimulatedNat | undefined }, payload: unknown): void {
    const { from, to } = packet;
    const place = this.#place(to.host, packet.nat);
    const host = this.#hosts.get(place);
    if (host) return host.receive(payload, from, to.port);
    const nat = this.#nats.get(place) ?? this.#nats.get(to.host);
    const inner = nat?.in(from, to.port, this.nowMs);
    if (nat && inner) this.#arrive({ from, to: inner, nat }, payload);
  }
}
