import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { UdpSocketFactory } from '../transport/udp-socket.js';
import type { PortMapping } from './nat-finding.js';

/** What asking a gateway takes. */
export interface GatewayComponents {
  readonly openSocket: UdpSocketFactory;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** What is to be mapped, and who may do it. */
export interface MappingWish {
  /** The node's address on the gateway's side, an IPv4 one of a private range, and its port. */
  readonly internal: SocketAddress;
  readonly externalPort: number;
  /** The gateway; undefined where it is not known and has to be searched for. */
  readonly gateway: string | undefined;
}

export interface GrantedMapping extends PortMapping {
  /** Milliseconds. */
  readonly lifetimeMs: number;
  /** Takes the mapping back, as far as the gateway answers within the signal's life. */
  readonly release: (signal: AbortSignal) => Promise<void>;
}

/** A protocol for asking gateways. */
export interface MappingMethod {
  /** Resolves with the mapping, or undefined where no gateway grants one; takes a few seconds at most. Aborting resolves soon. */
  map(wish: MappingWish, signal: AbortSignal): Promise<GrantedMapping | undefined>;
}

/** The lifetime asked for, seconds: two hours (RFC 6886, section 3.3). */
export const wantedLifetimeSeconds = 7200;
