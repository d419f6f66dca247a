import { isIPv4 } from 'node:net';
import type { SocketAddress } from '../base/address.js';

/** UDP port gateways take requests for mappings on, both protocols (RFC 6887, section 19; RFC 6886, section 3). */
export const gatewayPort = 5351;

export const pcpNonceBytes = 12;
const pcpVersion = 2;
const udp = 17;
const mapOpcode = 1;
const answerBit = 0x80;
const pcpMapBytes = 60;
const pmpMapBytes = 16;
const pmpAddressBytes = 12;
const refusalBytes = 8;
/** In both protocols the result with which a server says that it speaks another version. */
const unsupportedVersion = 1;

/** What a gateway is asked to map to this node. */
export interface MapRequest {
  /** The node's IPv4 address as the gateway sees it, and its UDP port. */
  readonly internal: SocketAddress;
  /** The outer port wanted; the gateway may give another one. */
  readonly externalPort: number;
  /** 0 takes the mapping back. */
  readonly lifetimeSeconds: number;
}

/** What a gateway answered; `code` is the protocol's own. */
export type MapAnswer<Granted> = ({ readonly type: 'granted' } & Granted) | { readonly type: 'refused'; readonly code: number } | { readonly type: 'other-version' };

export type PcpGrant = { readonly external: SocketAddress; readonly lifetimeSeconds: number };
export type PmpGrant = { readonly externalPort: number; readonly lifetimeSeconds: number };

/** A PCP MAP request for UDP (RFC 6887, sections 7.1 and 11.1). @param nonce 12 bytes; the same for all requests about one mapping */
export function pcpMapRequest({ internal, externalPort, lifetimeSeconds }: MapRequest, nonce: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(pcpMapBytes);
  bytes[0] = pcpVersion;
  bytes[1] = mapOpcode;
  bytes.writeUInt32BE(lifetimeSeconds, 4);
  mappedIpv4(internal.host).copy(bytes, 8);
  bytes.set(nonce, 24);
  bytes[36] = udp;
  bytes.writeUInt16BE(internal.port, 40);
  bytes.writeUInt16BE(externalPort, 42);
  mappedIpv4('0.0.0.0').copy(bytes, 44);
  return bytes;
}

/** Reads the answer to {@link pcpMapRequest}; undefined for what is none, answers to other requests included. */
export function readPcpMapAnswer(bytes: Buffer, { internal }: MapRequest, nonce: Uint8Array): MapAnswer<PcpGrant> | undefined {
  if (bytes.length >= refusalBytes && bytes[0] === 0) return bytes.readUInt16BE(2) === unsupportedVersion ? { type: 'other-version' } : undefined;
  if (bytes.length < 24 || bytes[0] !== pcpVersion || bytes[1] !== (answerBit | mapOpcode)) return undefined;
  if (bytes[3] === unsupportedVersion) return { type: 'other-version' };
  if (bytes.length < pcpMapBytes || !bytes.subarray(24, 36).equals(nonce) || bytes[36] !== udp || bytes.readUInt16BE(40) !== internal.port) return undefined;
  if (bytes[3] !== 0) return { type: 'refused', code: bytes[3]! };
  const host = ipv4Of(bytes.subarray(44, 60));
  return host === undefined ? undefined : { type: 'granted', external: { host, port: bytes.readUInt16BE(42) }, lifetimeSeconds: bytes.readUInt32BE(4) };
}

/** A NAT-PMP request for the gateway's outer address (RFC 6886, section 3.2). */
export function pmpAddressRequest(): Uint8Array {
  return Buffer.of(0, 0);
}

export function readPmpAddressAnswer(bytes: Buffer): MapAnswer<{ readonly host: string }> | undefined {
  const refusal = readPmpResult(bytes, 0);
  if (refusal !== 'success') return refusal;
  return bytes.length < pmpAddressBytes ? undefined : { type: 'granted', host: bytes.subarray(8, pmpAddressBytes).join('.') };
}

/** A NAT-PMP request to map a UDP port (RFC 6886, section 3.3). */
export function pmpMapRequest({ internal, externalPort, lifetimeSeconds }: MapRequest): Uint8Array {
  const bytes = Buffer.alloc(12);
  bytes[1] = mapOpcode;
  bytes.writeUInt16BE(internal.port, 4);
  bytes.writeUInt16BE(lifetimeSeconds === 0 ? 0 : externalPort, 6);
  bytes.writeUInt32BE(lifetimeSeconds, 8);
  return bytes;
}

export function readPmpMapAnswer(bytes: Buffer, { internal }: MapRequest): MapAnswer<PmpGrant> | undefined {
  const refusal = readPmpResult(bytes, mapOpcode);
  if (refusal !== 'success') return refusal;
  if (bytes.length < pmpMapBytes || bytes.readUInt16BE(8) !== internal.port) return undefined;
  return { type: 'granted', externalPort: bytes.readUInt16BE(10), lifetimeSeconds: bytes.readUInt32BE(12) };
}

function readPmpResult(bytes: Buffer, opcode: number): 'success' | { type: 'refused'; code: number } | { type: 'other-version' } | undefined {
  if (bytes.length < refusalBytes) return undefined;
  const code = bytes.readUInt16BE(2);
  if (code === unsupportedVersion) return { type: 'other-version' };
  if (bytes[0] !== 0 || bytes[1] !== (answerBit | opcode)) return undefined;
  return code === 0 ? 'success' : { type: 'refused', code };
}

/** ::ffff:a.b.c.d, as PCP writes IPv4 addresses (RFC 6887, section 5). */
function mappedIpv4(host: string): Buffer {
  if (!isIPv4(host)) throw new RangeError('port mappings are for IPv4');
  return Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...host.split('.').map(Number)]);
}

function ipv4Of(bytes: Buffer): string | undefined {
  return bytes.subarray(0, 12).equals(mappedIpv4('0.0.0.0').subarray(0, 12)) ? bytes.subarray(12).join('.') : undefined;
}
