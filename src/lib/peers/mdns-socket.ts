import { createSocket } from 'node:dgram';
import multicastDns from 'multicast-dns';
import type { MdnsMessage, MdnsQuestion, MdnsRecord } from './mdns-core.js';

export interface MdnsSocketEvents {
  onQuery(message: MdnsMessage): void;
  onResponse(message: MdnsMessage, senderHost: string): void;
  /** The socket cannot be used (no rights, no multicast); close it. */
  onFailure(error: Error): void;
}

/** Multicast DNS on one interface. */
export interface MdnsSocket {
  query(questions: readonly MdnsQuestion[]): void;
  /** Resolves when the message is out, or could not be sent. */
  respond(answers: readonly MdnsRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens a socket on an interface: the one that has this IPv4 address, or for IPv6 the one named after `::%`. */
export type OpenMdnsSocket = (interfaceHost: string, events: MdnsSocketEvents) => MdnsSocket;

/** The same port, group and rules for both families (RFC 6762 §20). */
function optionsFor(interfaceHost: string): multicastDns.Options {
  const shared = { interface: interfaceHost, reuseAddr: true, loopback: true };
  // Bound to all addresses: a socket bound to the interface's own does not receive what is sent to the group.
  if (!interfaceHost.includes(':')) return { ...shared, bind: '0.0.0.0' };
  // A dual-stack socket would hear the group of IPv4 as well.
  return { ...shared, type: 'udp6', ip: 'ff02::fb', bind: '::', socket: createSocket({ type: 'udp6', reuseAddr: true, ipv6Only: true }) };
}

/**
 * Multicast DNS over the real network: port 5353, shared with other responders of the machine, group 224.0.0.251 or ff02::fb.
 * Its own socket per interface, because a packet otherwise leaves by one interface only, or by none where there is no default route.
 */
export const openMdnsSocket: OpenMdnsSocket = (interfaceHost, events) => {
  const socket = multicastDns(optionsFor(interfaceHost));
  let ready = false;
  const opened = new Promise<void>((resolve) => {
    socket.once('ready', () => {
      ready = true;
      resolve();
    });
    socket.once('error', () => resolve());
  });
  socket.on('error', (error: Error) => events.onFailure(error));
  // Undecodable packets of others arrive here as well as what the system says of the group.
  socket.on('warning', (error: Error) => {
    if ('syscall' in error) events.onFailure(error);
  });
  socket.on('query', (message) => events.onQuery(message as MdnsMessage));
  socket.on('response', (message, { address }) => events.onResponse(message as MdnsMessage, address));
  const sent = (error: Error | null): void => {
    if (error) events.onFailure(error);
  };
  return {
    query: (questions) => socket.query(questions as Parameters<typeof socket.query>[0] & object[], sent),
    respond: (answers) =>
      new Promise((resolve) => {
        socket.respond(answers as Parameters<typeof socket.respond>[0] & object[], (error) => {
          sent(error);
          resolve();
        });
      }),
    close: async () => {
      await opened;
      if (ready) await new Promise<void>((resolve) => void socket.destroy(() => resolve()));
      else socket.destroy();
    },
  };
};
