import { formatAddress, type SocketAddress } from '../base/address.js';
import { shortNodeId } from '../identity/node-id.js';
import type { Route } from './endpoint.js';

/** Key under which a route is looked up: equal routes have equal keys. */
export function routeKey(route: Route): string {
  switch (route.kind) {
    case 'direct':
      return `direct/${formatAddress(route.address)}${route.socket === undefined ? '' : `#${route.socket}`}`;
    case 'relay':
      return `relay/${route.sessionId}`;
  }
}

/** Where datagrams on a route go first: the peer, or the relay. */
export function nextHop(route: Route): SocketAddress {
  return route.kind === 'direct' ? route.address : route.via;
}

/** A route for people. */
export function describeRoute(route: Route): string {
  switch (route.kind) {
    case 'direct':
      return formatAddress(route.address);
    case 'relay':
      return `${formatAddress(route.via)} (relay ${shortNodeId(route.relay)})`;
  }
}
