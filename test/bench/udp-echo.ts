import { createSocket, type Socket } from 'node:dgram';

/** A bound UDP socket on loopback that skips name lookup, as the node's own does. */
export async function loopbackSocket(): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20, lookup: (host, _options, callback) => callback(null, host, 4) });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return socket;
}

/** Asks a raw UDP echo: what any protocol over UDP costs at the least. */
export class UdpAsker {
  readonly #socket: Socket;
  readonly #port: number;
  readonly #payload = Buffer.alloc(100, 7);
  #onEcho: () => void = () => undefined;

  private constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', () => this.#onEcho());
  }

  static async to(port: number): Promise<UdpAsker> {
    return new UdpAsker(await loopbackSocket(), port);
  }

  ask(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEcho = resolve;
      this.#send();
    });
  }

  /** Echoes a second with `window` datagrams under way. */
  async rate(count: number, window: number): Promise<number> {
    const startMs = performance.now();
    let sent = 0;
    let received = 0;
    await new Promise<void>((resolve) => {
      this.#onEcho = () => {
        received++;
        if (sent < count) {
          sent++;
          this.#send();
        } else if (received === count) resolve();
      };
      for (; sent < window; sent++) this.#send();
    });
    return count / ((performance.now() - startMs) / 1000);
  }

  close(): void {
    this.#socket.close();
  }

  #send(): void {
    this.#socket.send(this.#payload, 0, this.#payload.length, this.#port, '127.0.0.1');
  }
}
