import { createSocket, type Socket } from 'node:dgram';

/** Binds a socket to a free port of loopback. */
export function bound(socket: Socket): Promise<number> {
  return new Promise((resolve) => socket.bind(0, '127.0.0.1', () => resolve(socket.address().port)));
}

/** A NAT between one client and one server: rebind() gives the client another public port. */
export class PortNat {
  readonly #inside = createSocket('udp4');
  #outside = createSocket('udp4');
  #client = 0;
  readonly #server: number;
  /** Sends a copy of each packet of the client ahead of the packet itself. */
  copier: Socket | undefined;
  insidePort = 0;
  outsidePort = 0;

  constructor(serverPort: number) {
    this.#server = serverPort;
  }

  async start(): Promise<void> {
    this.insidePort = await bound(this.#inside);
    this.#inside.on('message', (packet, from) => {
      this.#client = from.port;
      this.copier?.send(packet, this.#server, '127.0.0.1');
      this.#outside.send(packet, this.#server, '127.0.0.1');
    });
    await this.rebind();
  }

  async rebind(): Promise<void> {
    const old = this.#outside;
    this.#outside = createSocket('udp4');
    this.outsidePort = await bound(this.#outside);
    this.#outside.on('message', (packet) => this.#inside.send(packet, this.#client, '127.0.0.1'));
    old.close();
  }

  close(): void {
    this.#inside.close();
    this.#outside.close();
  }
}
