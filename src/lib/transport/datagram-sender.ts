import type { EndpointCounters } from './endpoint-counters.js';
import { relayHeaderBytes, relayedPacketBytes, type Hop, type RelayLink } from './relay-link.js';
import type { UdpSocket } from './udp-socket.js';

/** Writes datagrams to the socket: as they are to a peer, with a header before them to a relay. */
export class DatagramSender {
  /** Where the next packet is to be written; another one while the system still reads from the last. */
  packetBuffer: Buffer;
  /** As much of it as a relayed datagram holds. */
  #narrowBuffer: Buffer | undefined;
  /** The packet buffer with room before it, in which the header of a relayed datagram stands. */
  #buffer: Buffer;
  readonly #packetBytes: number;
  readonly #counters: EndpointCounters;
  readonly #socket: () => UdpSocket | undefined;

  /** @param packetBytes longest packet @param socket where datagrams go, or undefined: they are dropped */
  constructor(components: { counters: EndpointCounters; socket: () => UdpSocket | undefined }, packetBytes: number) {
    this.#counters = components.counters;
    this.#socket = components.socket;
    this.#packetBytes = packetBytes;
    this.#buffer = Buffer.allocUnsafeSlow(relayHeaderBytes + packetBytes);
    this.packetBuffer = this.#buffer.subarray(relayHeaderBytes);
  }

  /** The packet buffer, or as much of it as a relayed datagram holds. */
  bufferFor(mayRelay: boolean): Buffer {
    return mayRelay ? (this.#narrowBuffer ??= this.packetBuffer.subarray(0, relayedPacketBytes)) : this.packetBuffer;
  }

  /**
   * Sends the first `length` bytes of the packet buffer.
   * @param second gets a copy, where given
   * @param onError hears that it could not be sent directly
   */
  sendPacket(length: number, first: Hop, second: Hop | undefined, onError?: (error: Error) => void): void {
    const packet = this.packetBuffer;
    if (first.link) this.#relay(this.#buffer, length, first.link);
    else this.#send(packet, length, first.host, first.port, onError);
    if (second) this.sendDatagram(packet.subarray(0, length), second);
  }

  /** Sends a copy of a packet. */
  sendDatagram(packet: Uint8Array, { host, port, link }: Hop): void {
    if (link) this.#relay(link.wrap(packet), packet.length, link);
    else this.#send(Buffer.from(packet), packet.length, host, port);
  }

  /** Sends the first `length` bytes as they are; the buffer is the system's from now on. False where a relay would be needed. */
  passOn(datagram: Buffer, length: number, first: Hop, second: Hop | undefined): boolean {
    if (first.link) return false;
    this.#send(datagram, length, first.host, first.port);
    if (second && !second.link) this.#send(datagram, length, second.host, second.port);
    return true;
  }

  /** @param out a packet of `length` bytes after room for the header */
  #relay(out: Buffer, length: number, link: RelayLink): void {
    const { first, second } = link.carrier.routes;
    link.header.copy(out);
    // A relay is only ever reached directly: what is relayed is not relayed again.
    if (this.passOn(out, relayHeaderBytes + length, first, second)) this.#counters.relayedBytesSent += relayHeaderBytes + length;
  }

  #send(buffer: Buffer, length: number, host: string, port: number, onError?: (error: Error) => void): void {
    const socket = this.#socket();
    if (!socket) return;
    this.#counters.datagramsSent += 1;
    this.#counters.bytesSent += length;
    const reusable = socket.send(buffer, length, host, port, onError);
    if (reusable || buffer.buffer !== this.#buffer.buffer) return;
    this.#buffer = Buffer.allocUnsafeSlow(relayHeaderBytes + this.#packetBytes);
    this.packetBuffer = this.#buffer.subarray(relayHeaderBytes);
    this.#narrowBuffer = undefined;
  }
}
