import type { SocketAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { RandomSource } from '../base/random.js';
import type { UdpSocket, UdpSocketFactory } from '../transport/udp-socket.js';
import { StunClient, type StunRetransmission, type StunSocket } from './stun-client.js';

/** Enough for the few packets of a probe. */
const bufferBytes = 65_536;

export interface ProbeSocketComponents {
  readonly openSocket: UdpSocketFactory;
  readonly clock: Clock;
  readonly random: RandomSource;
}

/** A fresh UDP socket that asks STUN servers: one that no NAT on the way has seen before. */
export class ProbeSocket implements StunSocket {
  readonly client: StunClient;
  readonly #socket: UdpSocket;

  private constructor(socket: UdpSocket, components: ProbeSocketComponents, retransmission?: StunRetransmission) {
    this.#socket = socket;
    this.client = new StunClient({ ...components, socket: this }, retransmission);
    socket.onMessage((packet, host, port) => void this.client.take(packet, { host: socket.canonical(host), port }));
    // What cannot be sent is not answered.
    socket.onError(() => undefined);
  }

  /** @param host IP address to bind; empty means all @throws MaculaError where no socket can be had */
  static async open(components: ProbeSocketComponents, host: string, retransmission?: StunRetransmission): Promise<ProbeSocket> {
    return new ProbeSocket(await components.openSocket({ host, port: 0, bufferBytes }), components, retransmission);
  }

  get localPort(): number {
    return this.#socket.addresses[0]!.port;
  }

  send(bytes: Uint8Array, { host, port }: SocketAddress): boolean {
    const native = this.#socket.native(host);
    if (native === undefined || port === 0) return false;
    this.#socket.send(Buffer.from(bytes), bytes.length, native, port, () => undefined);
    return true;
  }

  async close(): Promise<void> {
    this.client.close();
    await this.#socket.close();
  }
}
