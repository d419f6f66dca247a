/** First byte of a path probe (path-probe.ts). */
export const pathProbeKind = 4;
/** First byte of a packet that travels through a relay. */
export const relayedPacketKind = 5;

/** UDP payload that every path must carry (RFC 9000 section 14). */
export const smallPayloadBytes = 1200;

/** What a datagram is, by its first byte. */
export type DatagramKind = 'stun' | 'probe' | 'relay' | 'quic-long' | 'quic-short' | 'unknown';

/**
 * RFC 8489, section 5: every STUN message starts with 20 bytes and carries this cookie, but for requests of clients as old as
 * RFC 3489.
 */
const stunHeaderBytes = 20;
const stunCookie = 0x2112a442;
/** RFC 8999, section 5.1: first byte, version and the lengths of two connection ids. */
const longHeaderBytes = 7;
/**
 * First byte, our connection ids of 8 bytes, then the 4 + 16 bytes header protection samples: RFC 9001,
 * section 5.4.2 demands that shorter packets are dropped.
 */
const shortPacketBytes = 29;

/**
 * Tells what a received datagram is (ranges of RFC 7983 and RFC 9443, 4–15 being Macula's own). Only the shape is
 * checked: nothing is known of who sent it.
 * @param bytes the whole UDP payload
 */
export function classifyDatagram(bytes: Uint8Array): DatagramKind {
  const length = bytes.length;
  if (length === 0) return 'unknown';
  const first = bytes[0]!;
  if (first >= 128) return length >= longHeaderBytes ? 'quic-long' : 'unknown';
  if (first >= 64) return length >= shortPacketBytes ? 'quic-short' : 'unknown';
  if (first === pathProbeKind) return 'probe';
  if (first === relayedPacketKind) return 'relay';
  if (first <= 3 && isStun(bytes)) return 'stun';
  return 'unknown';
}

function isStun(bytes: Uint8Array): boolean {
  if (bytes.length < stunHeaderBytes) return false;
  const bodyBytes = (bytes[2]! << 8) | bytes[3]!;
  if ((bodyBytes & 3) !== 0 || bodyBytes + stunHeaderBytes !== bytes.length) return false;
  const cookie = (bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!;
  return cookie === stunCookie || (bytes[0] === 0 && bytes[1] === 1);
}
