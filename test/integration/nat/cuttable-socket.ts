import { openUdpSocket, type UdpSocket, type UdpSocketFactory } from '../../../src/lib/transport/udp-socket.js';

/** A socket factory whose sockets lose what goes to, or comes from, ports that were cut. */
export class CuttableSockets {
  readonly cut = new Set<number>();

  readonly open: UdpSocketFactory = async (binding) => {
    const socket = await openUdpSocket(binding);
    const { cut } = this;
    return {
      addresses: socket.addresses,
      native: (host) => socket.native(host),
      canonical: (host) => socket.canonical(host),
      send: (buffer, length, host, port, onError) => cut.has(port) || socket.send(buffer, length, host, port, onError),
      onMessage: (listener) => socket.onMessage((packet, host, port) => {
        if (!cut.has(port)) listener(packet, host, port);
      }),
      onError: (listener) => socket.onError(listener),
      close: () => socket.close(),
    } satisfies UdpSocket;
  };
}
