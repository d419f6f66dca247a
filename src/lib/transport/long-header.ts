/** QUIC version 1, the only one spoken (RFC 9000). */
export const quicVersion1 = 1;

/** Types of long-header packets in version 1 (RFC 9000 section 17.2). */
export const LongType = { initial: 0, zeroRtt: 1, handshake: 2, retry: 3 } as const;

/** The part of a long header that does not depend on the version (RFC 8999), and the Initial's token. */
export interface LongHeader {
  /** 0 in version negotiation packets. */
  readonly version: number;
  /** One of LongType; meaningful in version 1 only. */
  readonly type: number;
  readonly destinationId: Buffer;
  readonly sourceId: Buffer;
  /** Token of a version 1 Initial, possibly empty; undefined in all other packets. */
  readonly token: Buffer | undefined;
}

/** Largest connection id of version 1. */
const maxIdBytes = 20;

function readToken(packet: Buffer, offset: number): Buffer | undefined {
  if (offset >= packet.length) return undefined;
  const first = packet[offset]!;
  const size = 1 << (first >> 6);
  if (size > 4 || offset + size > packet.length) return undefined;
  const start = offset + size;
  const length = size === 1 ? first & 0x3f : packet.readUIntBE(offset, size) & (2 ** (8 * size - 2) - 1);
  if (start + length > packet.length) return undefined;
  return packet.subarray(start, start + length);
}

/**
 * Reads the long header of a datagram's first packet; undefined if it is cut short or breaks the limits of
 * version 1. The fields are views into the packet.
 */
export function parseLongHeader(packet: Buffer): LongHeader | undefined {
  if (packet.length < 7) return undefined;
  const version = packet.readUInt32BE(1);
  const destinationEnd = 6 + packet[5]!;
  if (destinationEnd >= packet.length) return undefined;
  const sourceEnd = destinationEnd + 1 + packet[destinationEnd]!;
  if (sourceEnd > packet.length) return undefined;
  const destinationId = packet.subarray(6, destinationEnd);
  const sourceId = packet.subarray(destinationEnd + 1, sourceEnd);
  const type = (packet[0]! >> 4) & 3;
  if (version !== quicVersion1) return { version, type, destinationId, sourceId, token: undefined };
  if (destinationId.length > maxIdBytes || sourceId.length > maxIdBytes) return undefined;
  if (type !== LongType.initial) return { version, type, destinationId, sourceId, token: undefined };
  const token = readToken(packet, sourceEnd);
  return token && { version, type, destinationId, sourceId, token };
}
