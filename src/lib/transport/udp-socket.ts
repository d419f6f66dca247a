import { createSocket, type Socket } from 'node:dgram';
import { MaculaError, errnoOf } from '../base/errors.js';
import type { SocketAddress } from '../base/address.js';

/** Hears of every datagram. `host` is written as the socket writes it; see {@link UdpSocket.canonical}. */
export type DatagramListener = (packet: Buffer, host: string, port: number) => void;

/**
 * A bound UDP socket. On a dual-stack socket IPv4 peers appear as `::ffff:a.b.c.d`; {@link UdpSocket.native} and
 * {@link UdpSocket.canonical} translate, so that the work is done once per peer and not once per packet.
 */
export interface UdpSocket {
  /** Where it listens; both wildcards for a dual-stack socket. */
  readonly addresses: readonly SocketAddress[];
  /** Receive buffer that the system gave it, in bytes of datagrams; undefined where there is no such thing. */
  readonly receiveBufferBytes?: number;
  /** The host as {@link UdpSocket.send} takes it; undefined when the socket cannot reach that address family. */
  native(host: string): string | undefined;
  /** The host as everything above the socket writes it. */
  canonical(host: string): string;
  /**
   * Sends the first `length` bytes. Returns whether the buffer may be used again at once: false means that the
   * system still reads from it.
   * @param onError hears why it could not be sent; without it a failure is a lost packet
   */
  send(buffer: Buffer, length: number, host: string, port: number, onError?: (error: Error) => void): boolean;
  onMessage(listener: DatagramListener): void;
  /** The socket failed as a whole. */
  onError(listener: (error: Error) => void): void;
  close(): Promise<void>;
}

export interface UdpBinding {
  /** IP address; empty means every interface, IPv6 and IPv4. */
  readonly host: string;
  readonly port: number;
  /** Buffer sizes asked of the system. */
  readonly bufferBytes: number;
}

/** Opens a socket. @throws MaculaError MACULA_PORT_IN_USE, MACULA_PERMISSION_DENIED, MACULA_INVALID_CONFIG */
export type UdpSocketFactory = (binding: UdpBinding) => Promise<UdpSocket>;

const mappedPrefix = '::ffff:';

class DgramSocket implements UdpSocket {
  readonly addresses: readonly SocketAddress[];
  readonly receiveBufferBytes: number;
  readonly #socket: Socket;
  readonly #ipv6: boolean;
  readonly #reachesIpv4: boolean;

  constructor(socket: Socket) {
    const { address, port, family } = socket.address();
    this.#socket = socket;
    // Linux doubles what is asked for, to have room for its bookkeeping, and tells the doubled size (socket(7)).
    this.receiveBufferBytes = socket.getRecvBufferSize() / (process.platform === 'linux' ? 2 : 1);
    this.#ipv6 = family === 'IPv6';
    this.#reachesIpv4 = !this.#ipv6 || address === '::';
    this.addresses = address === '::' ? [{ host: '::', port }, { host: '0.0.0.0', port }] : [{ host: this.canonical(address), port }];
  }

  native(host: string): string | undefined {
    if (host.includes(':')) return this.#ipv6 ? host : undefined;
    if (!this.#reachesIpv4) return undefined;
    return this.#ipv6 ? mappedPrefix + host : host;
  }

  canonical(host: string): string {
    if (!this.#ipv6) return host;
    if (host.startsWith(mappedPrefix) && host.includes('.')) return host.slice(mappedPrefix.length);
    const zone = host.indexOf('%');
    return zone < 0 ? host : host.slice(0, zone);
  }

  send(buffer: Buffer, length: number, host: string, port: number, onError?: (error: Error) => void): boolean {
    if (onError) this.#socket.send(buffer, 0, length, port, host, (error) => error && onError(error));
    else this.#socket.send(buffer, 0, length, port, host);
    return this.#socket.getSendQueueCount() === 0;
  }

  onMessage(listener: DatagramListener): void {
    this.#socket.on('message', (packet, remote) => listener(packet, remote.address, remote.port));
  }

  onError(listener: (error: Error) => void): void {
    this.#socket.on('error', listener);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

function bindError(error: unknown, binding: UdpBinding): MaculaError {
  const where = `UDP port ${binding.port}${binding.host === '' ? '' : ` of ${binding.host}`}`;
  const details = { host: binding.host, port: binding.port };
  switch (errnoOf(error)) {
    case 'EADDRINUSE':
      return new MaculaError('MACULA_PORT_IN_USE', `${where} is in use by another process`, {
        details,
        hint: 'Choose another with --port or MACULA_QUIC_PORT (0 takes any free one); `macula node status` shows whether a node of yours has it.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new MaculaError('MACULA_PERMISSION_DENIED', `the system does not allow listening on ${where}`, {
        details,
        hint: 'Ports below 1024 need root or the capability CAP_NET_BIND_SERVICE.',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EINVAL':
      return new MaculaError('MACULA_INVALID_CONFIG', `this machine has no address ${binding.host} to listen on`, { details, cause: error });
    default:
      return MaculaError.from(error);
  }
}

function bind(binding: UdpBinding, type: 'udp4' | 'udp6', host: string): Promise<UdpSocket> {
  const family = type === 'udp6' ? 6 : 4;
  const socket = createSocket({
    type,
    ipv6Only: false,
    recvBufferSize: binding.bufferBytes,
    sendBufferSize: binding.bufferBytes,
    // Hosts are always literals; going through name lookup would cost a third of the throughput.
    lookup: (name, _options, callback) => callback(null, name, family),
  });
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', fail);
    socket.bind({ address: host, port: binding.port, exclusive: true }, () => {
      socket.off('error', fail);
      resolve(new DgramSocket(socket));
    });
  });
}

/** Opens a socket of the operating system: dual-stack where no host is given and the system has IPv6. */
export const openUdpSocket: UdpSocketFactory = async (binding) => {
  try {
    if (binding.host !== '') return await bind(binding, binding.host.includes(':') ? 'udp6' : 'udp4', binding.host);
    try {
      return await bind(binding, 'udp6', '::');
    } catch (error) {
      if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'].includes(errnoOf(error) ?? '')) throw error;
      return await bind(binding, 'udp4', '0.0.0.0');
    }
  } catch (error) {
    throw bindError(error, binding);
  }
};
