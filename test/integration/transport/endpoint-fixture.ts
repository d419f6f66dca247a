import { systemClock, type Clock } from '../../../src/lib/base/clock.js';
import { silentLogger } from '../../../src/lib/base/logger.js';
import { systemRandom } from '../../../src/lib/base/random.js';
import { defaultSettings } from '../../../src/lib/config/schema.js';
import { generateIdentity } from '../../../src/lib/identity/certificate.js';
import { verifyPeerChain } from '../../../src/lib/identity/certificate-rules.js';
import type { NodeIdentity } from '../../../src/lib/identity/identity.js';
import type { Connection, DirectRoute, StreamHandler, TransportStream } from '../../../src/lib/transport/endpoint.js';
import type { VerifyPeer } from '../../../src/lib/transport/peer-check.js';
import { QuicheEndpoint, type EndpointSettings } from '../../../src/lib/transport/quiche-endpoint.js';
import type { UdpSocketFactory } from '../../../src/lib/transport/udp-socket.js';

export interface FixtureOptions {
  settings?: Partial<EndpointSettings>;
  identity?: NodeIdentity;
  verifyPeer?: VerifyPeer;
  clock?: Clock;
  openSocket?: UdpSocketFactory;
}

export function newIdentity(): Promise<NodeIdentity> {
  return generateIdentity('ed25519', { clock: systemClock, random: systemRandom });
}

/** Endpoints of one test, on free loopback ports; close() stops them all. */
export class EndpointFixture {
  readonly #endpoints: QuicheEndpoint[] = [];

  async start(options: FixtureOptions = {}): Promise<QuicheEndpoint> {
    const settings = { ...defaultSettings(), quicPort: 0, host: '127.0.0.1', retrySampleRatio: 0, ...options.settings };
    const components = {
      identity: options.identity ?? (await newIdentity()),
      verifyPeer: options.verifyPeer ?? ((chain) => verifyPeerChain(chain, systemClock.wallMs())),
      clock: options.clock ?? systemClock,
      random: systemRandom,
      logger: silentLogger,
      ...(options.openSocket ? { openSocket: options.openSocket } : {}),
    };
    const endpoint = new QuicheEndpoint(components, settings);
    await endpoint.start();
    this.#endpoints.push(endpoint);
    return endpoint;
  }

  /** Two endpoints, the first connected to the second; accept hears of the connection before any stream. */
  async pair(left: FixtureOptions = {}, right: FixtureOptions = {}, accept?: (connection: Connection) => void): Promise<Pair> {
    const [dialler, listener] = [await this.start(left), await this.start(right)];
    const accepted = nextConnection(listener, accept);
    const client = await dialler.dial(routeTo(listener));
    return { dialler, listener, client, server: await accepted };
  }

  async close(): Promise<void> {
    await Promise.all(this.#endpoints.splice(0).map((endpoint) => endpoint.stop()));
  }
}

export interface Pair {
  readonly dialler: QuicheEndpoint;
  readonly listener: QuicheEndpoint;
  readonly client: Connection;
  readonly server: Connection;
}

export function routeTo(endpoint: QuicheEndpoint): DirectRoute {
  const [address] = endpoint.localAddresses;
  return { kind: 'direct', address: address! };
}

export function nextConnection(endpoint: QuicheEndpoint, accept?: (connection: Connection) => void): Promise<Connection> {
  return new Promise((resolve) =>
    endpoint.onConnection((connection) => {
      accept?.(connection);
      resolve(connection);
    }),
  );
}

/** Records what happens on a stream; `ended` and `closed` resolve when it does. */
export class Recorder implements StreamHandler {
  readonly chunks: Buffer[] = [];
  readonly events: string[] = [];
  readonly ended: Promise<Buffer>;
  readonly closed: Promise<void>;
  drained: (() => void) | undefined;
  onChange: (() => void) | undefined;
  #end!: (all: Buffer) => void;
  #close!: () => void;

  constructor() {
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.closed = new Promise((resolve) => (this.#close = resolve));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  onData(chunk: Uint8Array): void {
    this.chunks.push(Buffer.from(chunk));
    this.onChange?.();
  }

  onEnd(): void {
    this.#note('end');
    this.#end(this.bytes);
  }

  onReset(code: number): void {
    this.#note(`reset ${code}`);
  }

  onStopped(code: number): void {
    this.#note(`stopped ${code}`);
  }

  onDrain(): void {
    this.#note('drain');
    this.drained?.();
  }

  onClose(): void {
    this.#note('close');
    this.#close();
  }

  /** Resolves when the condition holds; it is looked at after each event. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (condition()) resolve();
      };
      this.onChange = look;
      look();
    });
  }

  #note(event: string): void {
    this.events.push(event);
    this.onChange?.();
  }
}

/** Sends back whatever comes, and ends when the peer does. */
export function echo(stream: TransportStream): StreamHandler {
  return {
    onData: (chunk) => {
      if (!stream.write(Buffer.from(chunk))) stream.pause();
    },
    onEnd: () => stream.end(),
    onReset: (code) => stream.reset(code),
    onStopped: (code) => stream.stopSending(code),
    onDrain: () => stream.resume(),
    onClose: () => undefined,
  };
}

/** The counts that are not zero: counters by reason show every reason from the start. */
export function counted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
