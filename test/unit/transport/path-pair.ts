import type { SocketAddress } from '../../../src/lib/base/address.js';
import { seededRandom } from '../../../src/lib/base/random.js';
import type { DirectRoute, RelayRoute, Route } from '../../../src/lib/transport/endpoint.js';
import { PathSetCore, routeKey, type PathEffect } from '../../../src/lib/transport/path-set-core.js';

export type SideName = 'a' | 'b';

export function direct(host: string, port = 4433): DirectRoute {
  return { kind: 'direct', address: { host, port } };
}

/** A route through a relay; the session's id is that digit sixteen times. */
export function relayed(digit: string): RelayRoute {
  return { kind: 'relay', relay: digit.repeat(64), via: { host: '203.0.113.200', port: 4433 }, sessionId: digit.repeat(16) };
}

type Payload =
  | { readonly type: 'packet'; readonly number: number }
  | { readonly type: 'request'; readonly transaction: string; readonly sequence: number }
  | { readonly type: 'answer'; readonly transaction: string; readonly sequence: number };

interface Side {
  readonly core: PathSetCore;
  /** Public addresses, at most one of each family: a datagram leaves from the one of its destination's family. */
  addresses: SocketAddress[];
  readonly effects: { readonly atMs: number; readonly effect: PathEffect }[];
  readonly received: Map<number, number>;
  sent: number;
  sendEveryMs: number;
  nextSendMs: number;
}

/** Two path sets over a network under virtual time: one side's effects are the other's events. */
export class PathPair {
  nowMs = 1000;
  /** One-way delay. */
  delayMs: (from: SocketAddress, to: SocketAddress) => number = () => 20;
  lost: (from: SocketAddress, to: SocketAddress) => boolean = () => false;
  /** One-way delay through a relay session; undefined: everything is lost there. */
  relayDelayMs: (sessionId: string) => number | undefined = () => 30;
  readonly sides: Record<SideName, Side>;
  #flying: { atMs: number; to: SideName; from: Route; address: SocketAddress | undefined; payload: Payload }[] = [];

  /** @param initial the route the connection is made on, both ways; without it the other side's first address */
  constructor(a: SocketAddress[], b: SocketAddress[], initial?: Route) {
    const side = (own: SocketAddress[], peer: SocketAddress[], seed: number): Side => ({
      core: new PathSetCore({ random: seededRandom(seed) }, initial ?? { kind: 'direct', address: peer[0]! }),
      addresses: own,
      effects: [],
      received: new Map(),
      sent: 0,
      sendEveryMs: Number.POSITIVE_INFINITY,
      nextSendMs: Number.POSITIVE_INFINITY,
    });
    this.sides = { a: side(a, b, 1), b: side(b, a, 2) };
  }

  start(everyMs: number): void {
    for (const name of ['a', 'b'] as const) {
      this.traffic(name, everyMs);
      this.#apply(name, this.sides[name].core.handle({ type: 'keyed' }, this.nowMs));
    }
  }

  /** Lets a side send a packet that often; Infinity: none. */
  traffic(name: SideName, everyMs: number): void {
    const side = this.sides[name];
    side.sendEveryMs = everyMs;
    side.nextSendMs = this.nowMs + everyMs;
  }

  add(name: SideName, route: Route): void {
    this.#apply(name, this.sides[name].core.handle({ type: 'addRoute', route }, this.nowMs));
  }

  lose(name: SideName, route: Route): void {
    this.#apply(name, this.sides[name].core.handle({ type: 'routeLost', route }, this.nowMs));
  }

  /** A packet that looks as if it came from `from` arrives. */
  spoof(name: SideName, from: SocketAddress): void {
    this.#receive(name, { kind: 'direct', address: from }, { type: 'packet', number: -1 });
  }

  run(durationMs: number): void {
    const endMs = this.nowMs + durationMs;
    for (let step = 0; step < 1_000_000; step += 1) {
      const nextMs = this.#nextMs();
      if (nextMs > endMs) {
        this.nowMs = endMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.#step();
    }
    throw new Error('virtual time stands still');
  }

  /** Effects of a kind on one side since a time. */
  effects<Type extends PathEffect['type']>(name: SideName, type: Type, sinceMs = 0): Extract<PathEffect, { type: Type }>[] {
    const all = this.sides[name].effects.filter((one) => one.atMs >= sinceMs && one.effect.type === type);
    return all.map((one) => one.effect as Extract<PathEffect, { type: Type }>);
  }

  /** When a side last selected a route. */
  lastSelectMs(name: SideName): number {
    return this.sides[name].effects.filter((one) => one.effect.type === 'select').at(-1)!.atMs;
  }

  /** Numbers of the packets one side sent that the other never got. */
  missing(from: SideName): number[] {
    const { received } = this.sides[other(from)];
    return Array.from({ length: this.sides[from].sent }, (_, number) => number).filter((number) => !received.has(number));
  }

  #nextMs(): number {
    let nextMs = Math.min(...this.#flying.map((one) => one.atMs));
    for (const side of Object.values(this.sides)) nextMs = Math.min(nextMs, side.nextSendMs, side.core.nextDeadline() ?? Number.POSITIVE_INFINITY);
    return nextMs;
  }

  #step(): void {
    const arrived = this.#flying.filter((one) => one.atMs <= this.nowMs);
    this.#flying = this.#flying.filter((one) => one.atMs > this.nowMs);
    for (const one of arrived) {
      const reaches = one.address === undefined || this.sides[one.to].addresses.some((address) => address.host === one.address!.host && address.port === one.address!.port);
      if (reaches) this.#receive(one.to, one.from, one.payload);
    }
    for (const name of ['a', 'b'] as const) {
      const { core } = this.sides[name];
      if ((core.nextDeadline() ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.#apply(name, core.handleTimeout(this.nowMs));
      this.#sendPackets(name);
    }
  }

  #sendPackets(name: SideName): void {
    const side = this.sides[name];
    while (side.nextSendMs <= this.nowMs) {
      side.nextSendMs += side.sendEveryMs;
      const payload: Payload = { type: 'packet', number: side.sent };
      side.sent += 1;
      side.core.packetSent(100, this.nowMs);
      this.#send(name, side.core.selected, payload);
      if (side.core.alsoTo) this.#send(name, side.core.alsoTo, payload);
    }
  }

  #receive(name: SideName, route: Route, payload: Payload): void {
    const side = this.sides[name];
    if (payload.type === 'request') this.#apply(name, side.core.handle({ type: 'probeRequested', route, transaction: payload.transaction, sequence: payload.sequence }, this.nowMs));
    else if (payload.type === 'answer') this.#apply(name, side.core.handle({ type: 'probeAnswered', route, transaction: payload.transaction }, this.nowMs));
    else {
      if (payload.number >= 0) side.received.set(payload.number, (side.received.get(payload.number) ?? 0) + 1);
      if (!side.core.alsoTo && routeKey(side.core.selected) === routeKey(route)) side.core.packetReceived(100, this.nowMs);
      else this.#apply(name, side.core.handle({ type: 'packetFrom', route, bytes: 100 }, this.nowMs));
    }
  }

  #apply(name: SideName, effects: readonly PathEffect[]): void {
    for (const effect of effects) {
      this.sides[name].effects.push({ atMs: this.nowMs, effect });
      const { transaction, sequence } = effect as { transaction: string; sequence: number };
      if (effect.type === 'sendProbe') this.#send(name, effect.route, { type: 'request', transaction, sequence });
      if (effect.type === 'sendAnswer') this.#send(name, effect.route, { type: 'answer', transaction, sequence });
    }
  }

  #send(name: SideName, route: Route, payload: Payload): void {
    if (route.kind === 'relay') {
      const delayMs = this.relayDelayMs(route.sessionId);
      if (delayMs !== undefined) this.#flying.push({ atMs: this.nowMs + delayMs, to: other(name), from: route, address: undefined, payload });
      return;
    }
    const { address } = route;
    const from = this.sides[name].addresses.find((own) => own.host.includes(':') === address.host.includes(':'));
    if (!from || this.lost(from, address)) return;
    this.#flying.push({ atMs: this.nowMs + this.delayMs(from, address), to: other(name), from: { kind: 'direct', address: from }, address, payload });
  }
}

function other(name: SideName): SideName {
  return name === 'a' ? 'b' : 'a';
}
