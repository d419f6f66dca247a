import ipaddr from 'ipaddr.js';
import { canonicalHost, type SocketAddress } from '../base/address.js';

/** RFC 8489, section 5. */
export const stunCookie = 0x2112_a442;

/** What identifies a message: cookie and transaction id, 16 bytes. */
export interface StunHeader {
  readonly hasCookie: boolean;
  readonly transactionId: string;
  readonly identity: Buffer;
}

/** Value of an address attribute (RFC 8489, section 14.1): 0 · family (1 IPv4, 2 IPv6) · port · address. */
export function addressValue({ host, port }: SocketAddress): Buffer {
  const octets = ipaddr.parse(host).toByteArray();
  return Buffer.from([0, octets.length === 4 ? 1 : 2, port >> 8, port & 0xff, ...octets]);
}

/** The same with port and address hidden from NATs that rewrite what looks like an address (RFC 8489, section 14.2). */
export function xorAddressValue(address: SocketAddress, header: StunHeader): Buffer {
  return xor(addressValue(address), header);
}

/** @param header of the message, where the attribute is a XOR- one @returns undefined for what is no address, or a port of 0 */
export function readAddressValue(value: Buffer, header?: StunHeader): SocketAddress | undefined {
  const family = value[1];
  if (!(family === 1 && value.length === 8) && !(family === 2 && value.length === 20)) return undefined;
  const plain = header ? xor(Buffer.from(value), header) : value;
  const port = plain.readUInt16BE(2);
  const host = canonicalHost(ipaddr.fromByteArray([...plain.subarray(4)]).toString());
  return host === undefined || port === 0 ? undefined : { host, port };
}

function xor(value: Buffer, { identity }: StunHeader): Buffer {
  value[2]! ^= identity[0]!;
  value[3]! ^= identity[1]!;
  for (let index = 4; index < value.length; index++) value[index]! ^= identity[index - 4]!;
  return value;
}
