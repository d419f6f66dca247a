import { createHmac, timingSafeEqual } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { canonicalHost, type SocketAddress } from '../base/address.js';
import { pathProbeKind } from './datagram-kind.js';

/** Who sent a probe: the side that dialled the connection, or the other. */
export type ProbeSender = 'client' | 'server';

/**
 * A path probe: a request asks whether the other end of a connection is reached by a route, an answer proves it.
 */
export interface Probe {
  readonly type: 'request' | 'answer';
  /** The receiver's connection id: the one it chose and packets to it carry. 8 bytes. */
  readonly connectionId: Uint8Array;
  /** Chosen by the requester, repeated in the answer: 16 hex digits. */
  readonly transaction: string;
  /** Counts the requester's requests on this connection, from 0; repeated in the answer. */
  readonly sequence: number;
  /** In an answer: where the request came from, as the answerer saw it; undefined on a relayed route. */
  readonly observedAddress: SocketAddress | undefined;
}

/**
 * Layout, all numbers big-endian: kind (1 byte, 4) · type (1: 1 request, 2 answer) · connection id (8) ·
 * transaction (8) · sequence (4) · family of the observed address (1: 0 none, 4, 6) · port (2) · IP address (16, IPv4 in
 * the first four, the rest 0) · HMAC-SHA256, first 16 bytes. A request carries no address but is as long, so that
 * an answer is never longer than what asked for it.
 */
export const probeBytes = 57;
const connectionIdOffset = 2;
const transactionOffset = 10;
const sequenceOffset = 18;
const familyOffset = 22;
const portOffset = 23;
const hostOffset = 25;
const macOffset = 41;

const label = 'macula path probe 1';
const typeByte = { request: 1, answer: 2 } as const;

/**
 * @param key the connection's path key, 32 bytes
 * @param sender the role of the side that sends it: a probe sent back to its own sender does not verify
 */
export function encodeProbe(probe: Probe, key: Uint8Array, sender: ProbeSender): Uint8Array {
  const bytes = Buffer.alloc(probeBytes);
  bytes[0] = pathProbeKind;
  bytes[1] = typeByte[probe.type];
  bytes.set(probe.connectionId, connectionIdOffset);
  bytes.write(probe.transaction, transactionOffset, 'hex');
  bytes.writeUInt32BE(probe.sequence, sequenceOffset);
  if (probe.observedAddress) writeAddress(bytes, probe.observedAddress);
  bytes.set(mac(bytes, key, sender), macOffset);
  return bytes;
}

/**
 * Reads the fields of a probe, or undefined for anything else. Nothing in it is to be believed before
 * {@link verifyProbe}; it tells which connection's key to verify with.
 */
export function decodeProbe(bytes: Uint8Array): Probe | undefined {
  if (bytes.length !== probeBytes || bytes[0] !== pathProbeKind) return undefined;
  const type = bytes[1] === typeByte.request ? 'request' : bytes[1] === typeByte.answer ? 'answer' : undefined;
  if (type === undefined) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const hasAddress = view[familyOffset] !== 0;
  const observedAddress = hasAddress ? readAddress(view) : undefined;
  if (hasAddress && (type === 'request' || !observedAddress)) return undefined;
  return {
    type,
    connectionId: Uint8Array.from(view.subarray(connectionIdOffset, transactionOffset)),
    transaction: view.toString('hex', transactionOffset, sequenceOffset),
    sequence: view.readUInt32BE(sequenceOffset),
    observedAddress,
  };
}

/**
 * Whether a probe that decodes was made by the given side of the connection with this key. Constant time.
 * @param sender the role of the peer
 */
export function verifyProbe(bytes: Uint8Array, key: Uint8Array, sender: ProbeSender): boolean {
  if (bytes.length !== probeBytes) return false;
  return timingSafeEqual(mac(bytes, key, sender), bytes.subarray(macOffset));
}

function mac(bytes: Uint8Array, key: Uint8Array, sender: ProbeSender): Uint8Array {
  const hmac = createHmac('sha256', key).update(label).update(sender).update(bytes.subarray(0, macOffset));
  return hmac.digest().subarray(0, probeBytes - macOffset);
}

function writeAddress(bytes: Buffer, address: SocketAddress): void {
  const host = ipaddr.parse(address.host).toByteArray();
  bytes[familyOffset] = host.length === 4 ? 4 : 6;
  bytes.writeUInt16BE(address.port, portOffset);
  bytes.set(host, hostOffset);
}

function readAddress(bytes: Buffer): SocketAddress | undefined {
  const family = bytes[familyOffset];
  if (family !== 4 && family !== 6) return undefined;
  const port = bytes.readUInt16BE(portOffset);
  const octets = bytes.subarray(hostOffset, hostOffset + (family === 4 ? 4 : 16));
  const host = canonicalHost(ipaddr.fromByteArray([...octets]).toString());
  return host === undefined || port === 0 ? undefined : { host, port };
}

const replayWindow = 128;

/**
 * Accepts each sequence number of a peer's requests once, and none far older than the newest. Against replays:
 * answers need nothing of the kind, as each transaction is outstanding once; and a request replayed before its
 * original arrives only makes its sender's address a candidate that never answers.
 */
export class ReplayWindow {
  /** Room i holds the last number accepted that is i modulo the window, plus one; 0 for none. */
  readonly #seen = new Float64Array(replayWindow);
  #highest = -1;

  accept(sequence: number): boolean {
    if (sequence <= this.#highest - replayWindow) return false;
    const room = sequence % replayWindow;
    if (this.#seen[room] === sequence + 1) return false;
    this.#seen[room] = sequence + 1;
    if (sequence > this.#highest) this.#highest = sequence;
    return true;
  }
}
