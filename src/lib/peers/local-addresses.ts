import { addressScope, canonicalHost, formatAddress, parseAddress, sameAddress, type SocketAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';
import type { NetworkInterfaces } from '../base/network-interfaces.js';
import type { Settings } from '../config/schema.js';

/** Most addresses a node advertises; as many as HELLO takes. */
const maxAdvertised = 16;

/** Reports of distinct peers before an observed address counts: one liar is not believed. */
const observersNeeded = 2;

/** Observations kept; the oldest goes first. */
const maxObservations = 64;

export interface LocalAddressesComponents {
  /** As os.networkInterfaces; what was made of an object serves for as long as the same object comes. */
  readonly interfaces: () => NetworkInterfaces;
  /** What the UDP socket is bound to. */
  readonly bound: () => readonly SocketAddress[];
}

interface Reading {
  readonly from: NetworkInterfaces;
  readonly bound: readonly SocketAddress[];
  readonly interfaces: readonly LocalInterface[];
  readonly addresses: readonly SocketAddress[];
}

export interface LocalInterface {
  readonly name: string;
  readonly addresses: readonly SocketAddress[];
}

/** Under which addresses other nodes may reach this one. */
export class LocalAddresses {
  readonly #advertise: readonly SocketAddress[];
  /** Where each peer saw us come from; newest last. */
  readonly #observed = new Map<string, SocketAddress>();
  #mapped: SocketAddress | undefined;
  #reading: Reading | undefined;

  /** @throws MaculaError MACULA_INVALID_CONFIG for an entry of `advertise` that is not host:port with a literal address */
  constructor(
    private readonly components: LocalAddressesComponents,
    settings: Pick<Settings, 'advertise'>,
  ) {
    this.#advertise = settings.advertise.map(parseAdvertised);
  }

  /** Whether the operator said what to tell others. */
  get isAdvertised(): boolean {
    return this.#advertise.length > 0;
  }

  /** What to tell others, best first: the `advertise` setting if there is one, otherwise what a router maps, confirmed observations and interfaces. */
  list(): SocketAddress[] {
    if (this.#advertise.length > 0) return [...this.#advertise];
    const all = [...(this.#mapped ? [this.#mapped] : []), ...this.#confirmed(), ...this.interfaceAddresses()];
    return [...new Map(all.map((address) => [formatAddress(address), address])).values()].slice(0, maxAdvertised);
  }

  /** Addresses of the interfaces the socket listens on, with its port; loopback last. IPv6 link-local ones are left out. */
  interfaceAddresses(): readonly SocketAddress[] {
    return this.#read().addresses;
  }

  /** The same by interface; those without a usable address are left out. */
  interfaces(): readonly LocalInterface[] {
    return this.#read().interfaces;
  }

  /** A router maps this address to the node; undefined: none any more. */
  setMapped(address: SocketAddress | undefined): void {
    this.#mapped = address;
  }

  /** A peer says it sees this node at `address`. @param observer its node id */
  observe(observer: string, address: SocketAddress): void {
    if (addressScope(address.host) !== 'public') return;
    this.#observed.delete(observer);
    this.#observed.set(observer, address);
    if (this.#observed.size > maxObservations) this.#observed.delete(this.#observed.keys().next().value!);
  }

  /** The public address most peers see this node at, or undefined. */
  observedAddress(): SocketAddress | undefined {
    return this.#counted()[0]?.address;
  }

  #read(): Reading {
    const from = this.components.interfaces();
    const bound = this.components.bound();
    if (this.#reading?.from === from && this.#reading.bound === bound) return this.#reading;
    const interfaces = interfacesBound(from, bound);
    return (this.#reading = { from, bound, interfaces, addresses: addressesBound(interfaces, bound) });
  }

  #confirmed(): SocketAddress[] {
    return this.#counted().filter(({ count }) => count >= observersNeeded).map(({ address }) => address);
  }

  #counted(): { address: SocketAddress; count: number }[] {
    const counted: { address: SocketAddress; count: number }[] = [];
    for (const address of [...this.#observed.values()].reverse()) {
      const known = counted.find((one) => sameAddress(one.address, address));
      if (known) known.count++;
      else counted.push({ address, count: 1 });
    }
    return counted.sort((a, b) => b.count - a.count);
  }
}

function interfacesBound(from: NetworkInterfaces, bound: readonly SocketAddress[]): LocalInterface[] {
  const all = Object.entries(from).map(([name, infos]) => ({
    name,
    addresses: (infos ?? []).flatMap(({ address }) => {
      const host = canonicalHost(address);
      const socket = host === undefined || isZoned(host) ? undefined : bound.find((one) => accepts(one, host));
      return socket ? [{ host: host!, port: socket.port }] : [];
    }),
  }));
  return all.filter(({ addresses }) => addresses.length > 0);
}

function addressesBound(interfaces: readonly LocalInterface[], bound: readonly SocketAddress[]): SocketAddress[] {
  const found = interfaces.flatMap(({ addresses }) => addresses);
  // An address bound by name may belong to no interface (a floating one, for instance).
  for (const { host, port } of bound) if (addressScope(host) !== 'unusable') found.push({ host, port });
  const unique = [...new Map(found.map((address) => [formatAddress(address), address])).values()];
  return unique.sort((a, b) => Number(isLoopback(a)) - Number(isLoopback(b)));
}

/** Whether the socket gets what is sent to `host`; one bound to :: is dual-stack. */
function accepts(bound: SocketAddress, host: string): boolean {
  if (bound.host === '::') return true;
  if (bound.host === '0.0.0.0') return !host.includes(':');
  return bound.host === host;
}

/** IPv6 link-local addresses mean nothing without the name of an interface. */
function isZoned(host: string): boolean {
  return host.includes(':') && addressScope(host) === 'link-local';
}

function isLoopback(address: SocketAddress): boolean {
  return addressScope(address.host) === 'loopback';
}

function parseAdvertised(text: string): SocketAddress {
  const address = parseAddress(text);
  if (address) return address;
  throw new MaculaError('MACULA_INVALID_CONFIG', `advertise: ${JSON.stringify(text)} is not an address`, { hint: 'Write an IP address and a port, for example 203.0.113.7:4433 or [2001:db8::1]:4433.' });
}
