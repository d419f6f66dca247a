import { createSocket } from 'node:dgram';
import { canonicalHost, type SocketAddress } from '../base/address.js';

/** The address of this machine that packets to a server leave from; undefined where there is no way there. Sends nothing. */
export function sourceAddress({ host, port }: SocketAddress): Promise<string | undefined> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const finish = (found: string | undefined): void => {
      socket.close();
      resolve(found);
    };
    socket.once('error', () => finish(undefined));
    socket.connect(port, host, () => finish(canonicalHost(socket.address().address)));
  });
}
