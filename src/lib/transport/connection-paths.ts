import type { PathStatus, Route } from './endpoint.js';

export class ConnectionPaths {
  readonly route: Route;
  remoteHost: string;
  remotePort: number;

  constructor(route: Route, remoteHost: string) {
    this.route = route;
    this.remoteHost = remoteHost;
    this.remotePort = route.address.port;
  }

  setKey(_key: Uint8Array): void {
    return;
  }

  add(_route: Route): void {
    return;
  }

  list(): readonly PathStatus[] {
    return [];
  }

  onChange(_listener: (route: Route) => void): void {
    return;
  }

  stop(): void {
    return;
  }
}
