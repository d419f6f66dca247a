import { addressScope } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { PathHost } from './connection-paths.js';
import type { DatagramSender } from './datagram-sender.js';
import type { Route } from './endpoint.js';
import type { Hop, RelayLink } from './relay-link.js';
import type { RelayLinks } from './relay-links.js';
import type { SocketGroup } from './socket-group.js';

export interface SocketPathsComponents {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly links: RelayLinks;
  readonly out: DatagramSender;
  /** The sockets while they are open. */
  readonly sockets: () => SocketGroup | undefined;
}

/** Translates between routes and what the sockets of an endpoint take and give. */
export class SocketPaths implements PathHost {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly #components: SocketPathsComponents;

  constructor(components: SocketPathsComponents) {
    this.clock = components.clock;
    this.random = components.random;
    this.#components = components;
  }

  hopOf(route: Route): Hop | undefined {
    if (route.kind === 'relay') return this.#components.links.hop(route.sessionId);
    const { host, port } = route.address;
    const native = addressScope(host) === 'unusable' ? undefined : this.#components.sockets()?.native(host, route.socket);
    return native === undefined ? undefined : { host: native, port, link: undefined };
  }

  routeOf(host: string, port: number, link: RelayLink | undefined): Route {
    if (link) return link.route;
    const sockets = this.#components.sockets();
    const socket = sockets?.sideOf(host);
    const address = { host: sockets?.canonical(host) ?? host, port };
    return socket === undefined ? { kind: 'direct', address } : { kind: 'direct', address, socket };
  }

  sendDatagram(bytes: Uint8Array, hop: Hop): void {
    this.#components.out.sendDatagram(bytes, hop);
  }
}
