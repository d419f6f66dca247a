import type { SocketAddress } from '../base/address.js';
import type { DatagramListener, UdpSocket } from './udp-socket.js';

/** Most side sockets at once: one attempt with many (256), and what earlier ones left in use. */
const maxSideSockets = 512;

/** A native host of a side socket begins so: no address does. */
const sideMark = '#';
const sideMarkCode = sideMark.charCodeAt(0);

/** Sockets beside the node's own. Each has NAT mappings of its own; hole punching needs that (docs/NAT.md). */
export interface SideSockets {
  /**
   * Opens sockets on free ports. Datagrams that come to them are taken as those of the node's own socket are.
   * @returns their numbers; fewer than asked for where the limit or the system allows no more
   */
  openSideSockets(count: number): Promise<number[]>;
  /** Closes one; routes through it are lost. */
  closeSideSocket(socket: number): void;
}

/**
 * The node's socket and its side sockets as one. The native host of a side socket's datagram is marked with the number of the
 * socket, `#7/192.0.2.1`: above the sockets a native host is only compared and handed back.
 */
export class SocketGroup implements UdpSocket {
  readonly #main: UdpSocket;
  readonly #open: () => Promise<UdpSocket>;
  readonly #sides = new Map<number, UdpSocket>();
  #listener: DatagramListener | undefined;
  #next = 1;
  #opening = 0;
  #closed = false;

  /** @param open opens one more socket, on a free port */
  constructor(main: UdpSocket, open: () => Promise<UdpSocket>) {
    this.#main = main;
    this.#open = open;
  }

  get addresses(): readonly SocketAddress[] {
    return this.#main.addresses;
  }

  get receiveBufferBytes(): number {
    return this.#main.receiveBufferBytes ?? 0;
  }

  /** Number of side sockets. */
  get size(): number {
    return this.#sides.size;
  }

  /** @param socket number of a side socket */
  native(host: string, socket?: number): string | undefined {
    if (socket === undefined) return this.#main.native(host);
    const native = this.#sides.get(socket)?.native(host);
    return native === undefined ? undefined : `${sideMark}${socket}/${native}`;
  }

  canonical(host: string): string {
    return this.#main.canonical(host.charCodeAt(0) === sideMarkCode ? host.slice(host.indexOf('/') + 1) : host);
  }

  /** Number of the side socket a native host belongs to. */
  sideOf(host: string): number | undefined {
    return host.charCodeAt(0) === sideMarkCode ? Number(host.slice(1, host.indexOf('/'))) : undefined;
  }

  send(buffer: Buffer, length: number, host: string, port: number, onError?: (error: Error) => void): boolean {
    if (host.charCodeAt(0) !== sideMarkCode) return this.#main.send(buffer, length, host, port, onError);
    const side = this.#sides.get(this.sideOf(host)!);
    return side ? side.send(buffer, length, host.slice(host.indexOf('/') + 1), port, onError) : true;
  }

  onMessage(listener: DatagramListener): void {
    this.#listener = listener;
    this.#main.onMessage(listener);
  }

  onError(listener: (error: Error) => void): void {
    this.#main.onError(listener);
  }

  async openSides(count: number): Promise<number[]> {
    const allowed = Math.max(0, Math.min(count, maxSideSockets - this.#sides.size - this.#opening));
    this.#opening += allowed;
    const opened = await Promise.allSettled(Array.from({ length: allowed }, () => this.#open()));
    this.#opening -= allowed;
    return opened.flatMap((one) => (one.status === 'fulfilled' ? (this.#add(one.value) ?? []) : []));
  }

  closeSide(socket: number): void {
    const side = this.#sides.get(socket);
    this.#sides.delete(socket);
    void side?.close();
  }

  async close(): Promise<void> {
    this.#closed = true;
    const sides = [...this.#sides.values()];
    this.#sides.clear();
    await Promise.all([this.#main, ...sides].map((socket) => socket.close()));
  }

  #add(side: UdpSocket): number | undefined {
    if (this.#closed) {
      void side.close();
      return undefined;
    }
    const number = this.#next++;
    this.#sides.set(number, side);
    side.onMessage((packet, host, port) => this.#listener?.(packet, `${sideMark}${number}/${host}`, port));
    // Paths through it go silent and are left.
    side.onError(() => this.closeSide(number));
    return number;
  }
}
