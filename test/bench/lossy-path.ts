import { createSocket, type Socket } from 'node:dgram';
import { seededRandom } from '../../src/lib/base/random.js';

export interface PathFaults {
  /** Equal seeds drop equal datagrams. */
  readonly seed: number;
  /** Share of datagrams lost, each way. */
  readonly loss: number;
  /** One way, milliseconds. */
  readonly delayMs: number;
}

interface Delayed {
  readonly atMs: number;
  readonly send: () => void;
}

/** A path between one client and one server that delays datagrams, keeps their order and loses some. */
export class LossyPath {
  readonly #near = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20, lookup: (host, _options, callback) => callback(null, host, 4) });
  readonly #far = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20, lookup: (host, _options, callback) => callback(null, host, 4) });
  readonly #delayed: Delayed[] = [];
  readonly #random;
  readonly #faults: PathFaults;
  #timer: NodeJS.Timeout | undefined;

  constructor(faults: PathFaults) {
    this.#faults = faults;
    this.#random = seededRandom(faults.seed);
  }

  /** @returns the port that stands for the server's */
  async start(serverPort: number): Promise<number> {
    await Promise.all([bound(this.#near), bound(this.#far)]);
    let clientPort = 0;
    this.#near.on('message', (packet, from) => {
      clientPort = from.port;
      this.#delay(() => this.#far.send(packet, serverPort, '127.0.0.1'));
    });
    this.#far.on('message', (packet) => this.#delay(() => this.#near.send(packet, clientPort, '127.0.0.1')));
    return this.#near.address().port;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#near.close();
    this.#far.close();
  }

  #delay(send: () => void): void {
    if (this.#random.float() < this.#faults.loss) return;
    this.#delayed.push({ atMs: performance.now() + this.#faults.delayMs, send });
    this.#timer ??= setTimeout(this.#sendDue, this.#faults.delayMs);
  }

  readonly #sendDue = (): void => {
    const nowMs = performance.now();
    while (this.#delayed.length > 0 && this.#delayed[0]!.atMs <= nowMs + 0.5) this.#delayed.shift()!.send();
    const next = this.#delayed[0];
    this.#timer = next && setTimeout(this.#sendDue, Math.max(1, next.atMs - performance.now()));
  };
}

function bound(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
}
