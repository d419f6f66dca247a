import { formatAddress, type SocketAddress } from '../../src/lib/base/address.js';
import { abortError, onceAborted, throwIfAborted } from '../../src/lib/base/abort.js';
import type { Clock } from '../../src/lib/base/clock.js';
import { MaculaError } from '../../src/lib/base/errors.js';
import { defaultSettings, type Settings } from '../../src/lib/config/schema.js';
import type { NodeId } from '../../src/lib/identity/node-id.js';
import { CloseCode, type Connection, type DialOptions, type DirectRoute, type Endpoint, type EndpointStats, type Route } from '../../src/lib/transport/endpoint.js';
import { nextHop } from '../../src/lib/transport/route.js';
import { MemoryConnection } from './memory-connection.js';
import { MemoryLink, type LinkNetwork } from './memory-link.js';

export type MemorySettings = Pick<Settings, 'dialTimeoutMs' | 'idleTimeoutMs' | 'maxStreams' | 'streamWindowBytes'>;

/** The network memory endpoints meet on. With a latency of 0 everything is delivered in microtasks, without time passing. */
export class MemoryNetwork implements LinkNetwork {
  readonly clock: Clock;
  /** One way, milliseconds; a change holds for what is sent from then on. */
  latencyMs: number;
  readonly #endpoints = new Map<string, MemoryEndpoint>();
  readonly #cuts = new Set<string>();
  #waiting: (() => void)[] = [];
  #nextHost = 1;

  constructor(components: { clock: Clock }, options: { latencyMs?: number } = {}) {
    this.clock = components.clock;
    this.latencyMs = options.latencyMs ?? 0;
  }

  /** A new endpoint at the next free address of 10.0.0.0/8, or at the one given. */
  endpoint(nodeId: NodeId, options: { address?: SocketAddress; settings?: Partial<MemorySettings> } = {}): MemoryEndpoint {
    const host = this.#nextHost++;
    const address = options.address ?? { host: `10.${(host >> 16) & 255}.${(host >> 8) & 255}.${host & 255}`, port: 4433 };
    return new MemoryEndpoint(this, nodeId, address, { ...defaultSettings(), ...options.settings });
  }

  /** Loses everything between two addresses, both ways, until {@link heal}. */
  cut(a: SocketAddress, b: SocketAddress): void {
    this.#cuts.add(pairKey(a, b));
  }

  heal(a: SocketAddress, b: SocketAddress): void {
    this.#cuts.delete(pairKey(a, b));
    this.changed();
  }

  isCut(a: SocketAddress, b: SocketAddress): boolean {
    return this.#cuts.has(pairKey(a, b));
  }

  onChange(callback: () => void): void {
    this.#waiting.push(callback);
  }

  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }

  at(address: SocketAddress): MemoryEndpoint | undefined {
    return this.#endpoints.get(formatAddress(address));
  }

  bind(address: SocketAddress, endpoint: MemoryEndpoint): void {
    const key = formatAddress(address);
    if (this.#endpoints.has(key)) throw new MaculaError('MACULA_PORT_IN_USE', `${key} is taken`);
    this.#endpoints.set(key, endpoint);
  }

  unbind(address: SocketAddress): void {
    this.#endpoints.delete(formatAddress(address));
  }
}

/** An endpoint whose datagrams never leave the process. */
export class MemoryEndpoint implements Endpoint {
  readonly network: MemoryNetwork;
  readonly nodeId: NodeId;
  readonly settings: MemorySettings;
  /** Not started, stopped or crashed: nothing enters. */
  isDead = true;
  #address: SocketAddress;
  #accept: ((connection: Connection) => void) | undefined;
  #waiting: MemoryConnection[] = [];
  readonly #connections = new Set<MemoryConnection>();
  readonly #failureListeners: ((error: Error) => void)[] = [];
  #handshakesCompleted = 0;

  constructor(network: MemoryNetwork, nodeId: NodeId, address: SocketAddress, settings: MemorySettings) {
    this.network = network;
    this.nodeId = nodeId;
    this.settings = settings;
    this.#address = address;
  }

  get address(): SocketAddress {
    return this.#address;
  }

  get route(): DirectRoute {
    return { kind: 'direct', address: this.#address };
  }

  get localAddresses(): readonly SocketAddress[] {
    return [this.#address];
  }

  async start(): Promise<void> {
    if (!this.isDead) return;
    this.network.bind(this.#address, this);
    this.isDead = false;
  }

  async stop(): Promise<void> {
    if (this.isDead) return;
    for (const connection of [...this.#connections]) connection.close(CloseCode.shuttingDown, 'the node is stopping');
    this.isDead = true;
    this.network.unbind(this.#address);
  }

  /** The process is gone without a word: peers find out by hearing nothing. */
  crash(): void {
    this.isDead = true;
    this.network.unbind(this.#address);
    for (const connection of [...this.#connections]) {
      connection.silenced = true;
      connection.finish({ by: 'error', code: 0, reason: 'the endpoint is gone' });
    }
  }

  /** Fails as a whole, as after a socket error. */
  fail(error: Error): void {
    this.crash();
    for (const listener of this.#failureListeners) listener(error);
  }

  /** The node is seen at another address from now on (NAT rebinding); connections with a path key follow. */
  moveTo(address: SocketAddress): void {
    this.network.unbind(this.#address);
    this.network.bind(address, this);
    this.#address = address;
    for (const { pathKey, twin } of this.#connections) {
      if (pathKey && twin.pathKey) this.network.clock.setTimer(2 * this.network.latencyMs, () => twin.moveRoute(this.route));
    }
    this.network.changed();
  }

  dial(route: Route, options: DialOptions = {}): Promise<Connection> {
    const { expectedId, signal } = options;
    return new Promise((resolve, reject) => {
      throwIfAborted(signal);
      if (this.isDead) throw new MaculaError('MACULA_UNREACHABLE', 'the endpoint is not running');
      const settle = (outcome: MaculaError | MemoryConnection): void => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
        if (outcome instanceof MaculaError) reject(outcome);
        else resolve(outcome);
      };
      const onAbort = (): void => settle(abortError(signal!));
      const where = formatAddress(nextHop(route));
      const timer = this.network.clock.setTimer(this.settings.dialTimeoutMs, () => settle(new MaculaError('MACULA_UNREACHABLE', `${where} does not answer`)));
      if (signal) onceAborted(signal, onAbort);
      const there = this.network.at(nextHop(route));
      if (!there) return;
      const outwards = new MemoryLink(this.network, () => !there.isDead && !this.network.isCut(this.#address, there.#address));
      const back = new MemoryLink(this.network, () => !this.isDead && !this.network.isCut(this.#address, there.#address));
      outwards.send(() => back.send(() => {
        if (signal?.aborted) return;
        if (there.nodeId === this.nodeId) return settle(new MaculaError('MACULA_SELF_DIAL', `${where} is this node itself`));
        if (expectedId !== undefined && expectedId !== there.nodeId) return settle(new MaculaError('MACULA_ID_MISMATCH', `${where} is another node`));
        settle(this.#connect(route, there));
      }));
    });
  }

  onConnection(accept: (connection: Connection) => void): void {
    this.#accept = accept;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) accept(connection);
  }

  connections(): readonly MemoryConnection[] {
    return [...this.#connections];
  }

  forget(connection: MemoryConnection): void {
    this.#connections.delete(connection);
  }

  stats(): EndpointStats {
    return {
      connections: this.#connections.size, halfOpen: 0, handshakesCompleted: this.#handshakesCompleted, handshakesFailed: {}, retriesSent: 0,
      datagramsReceived: 0, datagramsSent: 0, bytesReceived: 0, bytesSent: 0, relayedBytesReceived: 0, relayedBytesSent: 0, receiveBufferBytes: 0, dropped: {},
    };
  }

  onFailure(listener: (error: Error) => void): void {
    this.#failureListeners.push(listener);
  }

  #connect(route: Route, there: MemoryEndpoint): MemoryConnection {
    const client = new MemoryConnection('client', this, identityOf(there.nodeId), route);
    const server = new MemoryConnection('server', there, identityOf(this.nodeId), this.route);
    client.twin = server;
    server.twin = client;
    this.#connections.add(client);
    this.#handshakesCompleted++;
    client.link.send(() => there.#incoming(server));
    return client;
  }

  #incoming(connection: MemoryConnection): void {
    if (connection.isClosed) return;
    this.#connections.add(connection);
    this.#handshakesCompleted++;
    if (this.#accept) this.#accept(connection);
    else this.#waiting.push(connection);
  }
}

function identityOf(nodeId: NodeId): { nodeId: NodeId; keyType: 'ed25519'; certificateDer: Uint8Array } {
  return { nodeId, keyType: 'ed25519', certificateDer: new Uint8Array() };
}

function pairKey(a: SocketAddress, b: SocketAddress): string {
  return [formatAddress(a), formatAddress(b)].sort().join(' ');
}
