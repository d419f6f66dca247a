import type { SocketAddress } from '../base/address.js';
import type { DatagramSender } from './datagram-sender.js';
import type { SocketGroup } from './socket-group.js';

/**
 * Takes a STUN message that came to the endpoint's socket; only its shape was checked. Returns why it is dropped, from a
 * fixed set, or undefined. Called for every such datagram: it must be fast, and must not keep the bytes.
 */
export type StunListener = (bytes: Buffer, from: SocketAddress) => string | undefined;

/** STUN through the socket of an endpoint: what comes from there has the mapping of the endpoint's own port in every NAT. */
export interface StunPort {
  /** Sets who takes STUN messages; undefined: nobody, they are dropped. */
  onMessage(listener: StunListener | undefined): void;
  /**
   * Sends a message; false when the socket cannot reach that address or is closed. The bytes belong to the system from now on.
   * @param socket the side socket to send it from; the endpoint's own where absent. Answers come to the listener all the same
   */
  send(bytes: Uint8Array, to: SocketAddress, socket?: number): boolean;
}

/** The part of an endpoint that STUN works with. */
export interface StunTransport {
  readonly stun: StunPort;
}

/** STUN on the endpoint's socket. */
export class EndpointStunPort implements StunPort {
  readonly #out: DatagramSender;
  readonly #socket: () => SocketGroup | undefined;
  #listener: StunListener | undefined;

  constructor(components: { out: DatagramSender; socket: () => SocketGroup | undefined }) {
    this.#out = components.out;
    this.#socket = components.socket;
  }

  onMessage(listener: StunListener | undefined): void {
    this.#listener = listener;
  }

  send(bytes: Uint8Array, { host, port }: SocketAddress, socket?: number): boolean {
    const native = this.#socket()?.native(host, socket);
    if (native === undefined) return false;
    this.#out.sendDatagram(bytes, { host: native, port, link: undefined });
    return true;
  }

  /** A STUN message came. Returns why it is dropped, or undefined. @param host as the socket writes it */
  take(bytes: Buffer, host: string, port: number): string | undefined {
    if (this.#listener === undefined || port === 0) return 'stun';
    return this.#listener(bytes, { host: this.#socket()?.canonical(host) ?? host, port });
  }
}
