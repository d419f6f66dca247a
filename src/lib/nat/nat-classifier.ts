import type { SocketAddress } from '../base/address.js';
import { formatAddress, sameAddress } from '../base/address.js';
import type { NatBehaviour, NatFinding, NatType, PortAllocation } from './nat-finding.js';

/** What a server saw of a socket; samples are in the order in which the servers were asked. */
export interface MappingSample {
  readonly localPort: number;
  readonly server: SocketAddress;
  /** undefined: the server did not answer. */
  readonly mapped: SocketAddress | undefined;
}

/** What became of a packet nobody had asked for. */
export type Arrival = 'arrived' | 'lost' | 'untested';

/** What a discovery measured. */
export interface NatSamples {
  /** Addresses of this machine. */
  readonly localHosts: readonly string[];
  /** Of fresh sockets. */
  readonly mappings: readonly MappingSample[];
  /** Unasked packets from another port of a server that was asked, and from another host. */
  readonly fromOtherPort: Arrival;
  readonly fromOtherHost: Arrival;
  readonly hairpin: boolean | undefined;
}

export type NatClassification = Pick<NatFinding, 'natType' | 'mapping' | 'filtering' | 'allocation' | 'portPreserving' | 'hairpin'>;

type Answered = MappingSample & { readonly mapped: SocketAddress };

/**
 * What the samples say of the NATs on the way (RFC 4787, sections 4 and 5; names of RFC 3489). What they cannot tell is
 * `unknown`; a mapping that differs by host and was not tried with two ports of one counts as the stricter.
 */
export function classifyNat(samples: NatSamples): NatClassification {
  const answered = samples.mappings.filter((sample): sample is Answered => sample.mapped !== undefined);
  const { hairpin } = samples;
  if (answered.length === 0) {
    const silent = new Set(samples.mappings.map(({ server }) => formatAddress(server))).size;
    // One server that is silent may be down.
    const natType = silent >= 2 ? 'blocked' : 'unknown';
    return { natType, mapping: 'unknown', filtering: 'unknown', allocation: { kind: 'unknown' }, portPreserving: undefined, hairpin };
  }
  const filtering = filteringOf(samples);
  const portPreserving = firstOfEach(answered).every(({ mapped, localPort }) => mapped.port === localPort);
  if (answered.every(({ mapped, localPort }) => samples.localHosts.includes(mapped.host) && mapped.port === localPort)) {
    return { natType: 'none', mapping: 'endpoint-independent', filtering, allocation: { kind: 'preserving' }, portPreserving, hairpin };
  }
  const mapping = mappingOf(answered);
  return { natType: typeOf(mapping, filtering), mapping, filtering, allocation: allocationOf(mapping, answered, portPreserving), portPreserving, hairpin };
}

function typeOf(mapping: NatBehaviour, filtering: NatBehaviour): NatType {
  if (mapping === 'unknown') return 'unknown';
  if (mapping !== 'endpoint-independent') return 'symmetric';
  switch (filtering) {
    case 'endpoint-independent':
      return 'full-cone';
    case 'address-dependent':
      return 'address-restricted';
    case 'address-and-port-dependent':
      return 'port-restricted';
    case 'unknown':
      return 'unknown';
  }
}

function filteringOf({ fromOtherHost, fromOtherPort }: NatSamples): NatBehaviour {
  if (fromOtherHost === 'arrived') return 'endpoint-independent';
  if (fromOtherPort === 'lost') return 'address-and-port-dependent';
  return fromOtherHost === 'lost' && fromOtherPort === 'arrived' ? 'address-dependent' : 'unknown';
}

/** Compares what servers saw of the same socket: of two hosts, and of two ports of one host. */
function mappingOf(answered: readonly Answered[]): NatBehaviour {
  const pairs = pairsOfOneSocket(answered);
  const otherHost = pairs.filter(([a, b]) => a.server.host !== b.server.host);
  const otherPort = pairs.filter(([a, b]) => a.server.host === b.server.host && a.server.port !== b.server.port);
  const same = ([a, b]: readonly [Answered, Answered]): boolean => sameAddress(a.mapped, b.mapped);
  if (otherPort.some((pair) => !same(pair))) return 'address-and-port-dependent';
  if (otherHost.some((pair) => !same(pair))) return otherPort.length > 0 ? 'address-dependent' : 'address-and-port-dependent';
  return otherHost.length > 0 ? 'endpoint-independent' : 'unknown';
}

function pairsOfOneSocket(answered: readonly Answered[]): (readonly [Answered, Answered])[] {
  return answered.flatMap((a, index) => answered.slice(index + 1).filter(({ localPort }) => localPort === a.localPort).map((b) => [a, b] as const));
}

/** Mappings made one after the other are at most this far apart where ports are given in sequence: other packets get some, too. Ports at random are as close once in a thousand times. */
const maxStep = 32;
/** Of so many steps one may be any: a burst of other packets fell in between, or the ports began anew at their lower end. */
const stepsWithOneOdd = 4;

function allocationOf(mapping: NatBehaviour, answered: readonly Answered[], portPreserving: boolean): PortAllocation {
  if (mapping === 'unknown') return { kind: 'unknown' };
  if (mapping === 'endpoint-independent') return { kind: portPreserving ? 'preserving' : 'fixed' };
  const ports = newMappings(mapping, answered).map(({ mapped }) => mapped.port);
  const steps = ports.slice(1).map((port, index) => port - ports[index]!);
  if (steps.length < 2) return { kind: 'unknown' };
  const needed = steps.length >= stepsWithOneOdd ? steps.length - 1 : steps.length;
  for (const direction of [1, -1]) {
    const small = steps.map((step) => step * direction).filter((step) => step > 0 && step <= maxStep);
    // The least has the fewest other packets in it.
    if (small.length >= needed) return { kind: 'sequential', delta: direction * Math.min(...small) };
  }
  return { kind: 'random' };
}

/** Samples that made a new mapping each: with an address-dependent one, the first of each socket and host. */
function newMappings(mapping: NatBehaviour, answered: readonly Answered[]): Answered[] {
  if (mapping !== 'address-dependent') return [...answered];
  const seen = new Set<string>();
  return answered.filter(({ localPort, server }) => {
    const key = `${localPort} ${server.host}`;
    return !seen.has(key) && seen.add(key);
  });
}

function firstOfEach(answered: readonly Answered[]): Answered[] {
  return answered.filter(({ localPort }, index) => answered.findIndex((other) => other.localPort === localPort) === index);
}
