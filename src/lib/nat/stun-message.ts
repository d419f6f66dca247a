import type { SocketAddress } from '../base/address.js';
import { addressValue, readAddressValue, stunCookie, xorAddressValue, type StunHeader } from './stun-address.js';
import { crc32 } from './crc32.js';

export type StunClass = 'request' | 'indication' | 'success' | 'error';

/** The one method STUN itself has. */
export const bindingMethod = 0x001;

/**
 * A STUN message (RFC 8489), with the attributes NAT discovery uses (RFC 5780) and those of old clients and servers (RFC 3489).
 * An attribute that is absent is undefined.
 */
export interface StunMessage {
  readonly class: StunClass;
  readonly method: number;
  /** 24 hex digits; 32 where there is no cookie, as RFC 3489 had none. */
  readonly transactionId: string;
  readonly mappedAddress?: SocketAddress;
  readonly xorMappedAddress?: SocketAddress;
  /** The answer is wanted from another address or port of the server. */
  readonly changeRequest?: { readonly host: boolean; readonly port: boolean };
  /** Where a response was sent from. */
  readonly responseOrigin?: SocketAddress;
  /** Where responses come from when both host and port are to be others; RFC 3489 calls it CHANGED-ADDRESS. */
  readonly otherAddress?: SocketAddress;
  readonly error?: { readonly code: number; readonly reason: string };
  /** In an error 420: what the server did not understand. */
  readonly unknownAttributes?: readonly number[];
  readonly software?: string;
  /** The message ends with a FINGERPRINT; one that is wrong makes it no STUN message. */
  readonly fingerprint?: boolean;
  /** Attributes in it that a receiver must understand and this one does not. */
  readonly notUnderstood?: readonly number[];
}

export const stunHeaderBytes = 20;
/** No STUN message of use here comes near; longer ones are not read. */
export const maxStunBytes = 1500;
/** More attributes than any message has; what follows is not read. */
const maxAttributes = 32;
/** Longest text kept: 127 characters (RFC 8489, section 14). */
const maxTextBytes = 763;

/** Attribute types (RFC 8489, section 18.3; RFC 5780, section 7; RFC 3489, section 11.2). */
export const StunAttribute = {
  mappedAddress: 0x0001,
  changeRequest: 0x0003,
  sourceAddress: 0x0004,
  changedAddress: 0x0005,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  realm: 0x0014,
  nonce: 0x0015,
  messageIntegritySha256: 0x001c,
  passwordAlgorithm: 0x001d,
  userhash: 0x001e,
  xorMappedAddress: 0x0020,
  padding: 0x0026,
  responsePort: 0x0027,
  software: 0x8022,
  fingerprint: 0x8028,
  responseOrigin: 0x802b,
  otherAddress: 0x802c,
} as const;

/** Attributes below this must be understood (RFC 8489, section 5). */
const firstOptional = 0x8000;
/** Understood, and of no consequence where nobody authenticates (RFC 8489, section 6.3). */
const ignored: ReadonlySet<number> = new Set([
  StunAttribute.username,
  StunAttribute.messageIntegrity,
  StunAttribute.messageIntegritySha256,
  StunAttribute.realm,
  StunAttribute.nonce,
  StunAttribute.passwordAlgorithm,
  StunAttribute.userhash,
]);

/** FINGERPRINT: CRC-32 of what precedes it, xor "STUN" (RFC 8489, section 14.7). */
const fingerprintXor = 0x5354_554e;
const fingerprintBytes = 8;

const classes: readonly StunClass[] = ['request', 'indication', 'success', 'error'];

/** Writes a message: attributes in the order of the fields above, without SOFTWARE unless it is given. */
export function encodeStun(message: StunMessage): Uint8Array {
  const header = headerOf(message.transactionId);
  const attributes: [number, Buffer][] = [];
  const add = (type: number, value: Buffer | undefined): void => void (value && attributes.push([type, value]));
  const legacy = !header.hasCookie;
  add(StunAttribute.mappedAddress, message.mappedAddress && addressValue(message.mappedAddress));
  add(StunAttribute.xorMappedAddress, message.xorMappedAddress && xorAddressValue(message.xorMappedAddress, header));
  if (message.changeRequest) add(StunAttribute.changeRequest, uint32((message.changeRequest.host ? 4 : 0) | (message.changeRequest.port ? 2 : 0)));
  add(legacy ? StunAttribute.sourceAddress : StunAttribute.responseOrigin, message.responseOrigin && addressValue(message.responseOrigin));
  add(legacy ? StunAttribute.changedAddress : StunAttribute.otherAddress, message.otherAddress && addressValue(message.otherAddress));
  if (message.error) add(StunAttribute.errorCode, Buffer.concat([Buffer.of(0, 0, Math.floor(message.error.code / 100), message.error.code % 100), Buffer.from(message.error.reason)]));
  if (message.unknownAttributes) add(StunAttribute.unknownAttributes, Buffer.from(message.unknownAttributes.flatMap((type) => [type >> 8, type & 0xff])));
  add(StunAttribute.software, message.software === undefined ? undefined : Buffer.from(message.software));
  return assemble(message, header, attributes);
}

function assemble(message: StunMessage, header: StunHeader, attributes: readonly [number, Buffer][]): Uint8Array {
  const size = attributes.reduce((sum, [, value]) => sum + 4 + padded(value.length), 0) + (message.fingerprint ? fingerprintBytes : 0);
  const bytes = Buffer.alloc(stunHeaderBytes + size);
  bytes.writeUInt16BE(typeOf(message.class, message.method), 0);
  bytes.writeUInt16BE(size, 2);
  header.identity.copy(bytes, 4);
  let offset = stunHeaderBytes;
  for (const [type, value] of attributes) {
    bytes.writeUInt16BE(type, offset);
    bytes.writeUInt16BE(value.length, offset + 2);
    value.copy(bytes, offset + 4);
    offset += 4 + padded(value.length);
  }
  if (message.fingerprint) writeFingerprint(bytes, offset);
  return bytes;
}

/**
 * Reads a message, or undefined for anything else. Of an attribute that comes twice the first counts; what stands after a
 * MESSAGE-INTEGRITY counts only if it is a FINGERPRINT (RFC 8489, section 14.5). Nothing is authenticated.
 */
export function decodeStun(datagram: Uint8Array): StunMessage | undefined {
  if (datagram.length < stunHeaderBytes || datagram.length > maxStunBytes) return undefined;
  const bytes = Buffer.from(datagram.buffer, datagram.byteOffset, datagram.length);
  const type = bytes.readUInt16BE(0);
  const size = bytes.readUInt16BE(2);
  if (type > 0x3fff || (size & 3) !== 0 || size + stunHeaderBytes !== bytes.length) return undefined;
  const header = readHeader(bytes);
  const reader = new AttributeReader(bytes, header);
  if (!reader.readAll()) return undefined;
  const messageClass = classes[((type >> 7) & 2) | ((type >> 4) & 1)]!;
  const method = (type & 0xf) | ((type >> 1) & 0x70) | ((type >> 2) & 0xf80);
  return { class: messageClass, method, transactionId: header.transactionId, ...reader.found };
}

type Found = { -readonly [Field in keyof StunMessage]?: StunMessage[Field] };

/** Reads the attributes of one message. */
class AttributeReader {
  readonly found: Found = {};
  readonly #bytes: Buffer;
  readonly #header: StunHeader;
  readonly #notUnderstood: number[] = [];

  constructor(bytes: Buffer, header: StunHeader) {
    this.#bytes = bytes;
    this.#header = header;
  }

  /** Returns false where an attribute makes the whole no STUN message. */
  readAll(): boolean {
    let offset = stunHeaderBytes;
    let sealed = false;
    const seen = new Set<number>();
    for (let read = 0; offset < this.#bytes.length; read++) {
      if (read === maxAttributes || offset + 4 > this.#bytes.length) return false;
      const type = this.#bytes.readUInt16BE(offset);
      const length = this.#bytes.readUInt16BE(offset + 2);
      const end = offset + 4 + padded(length);
      if (end > this.#bytes.length) return false;
      const value = this.#bytes.subarray(offset + 4, offset + 4 + length);
      if (type === StunAttribute.fingerprint) {
        if (end !== this.#bytes.length || !isFingerprint(this.#bytes, offset)) return false;
        this.found.fingerprint = true;
      } else if (!sealed && !seen.has(type) && !this.#take(type, value)) {
        return false;
      }
      sealed ||= type === StunAttribute.messageIntegrity || type === StunAttribute.messageIntegritySha256;
      seen.add(type);
      offset = end;
    }
    if (this.#notUnderstood.length > 0) this.found.notUnderstood = this.#notUnderstood;
    return true;
  }

  /** Returns false for a value that is malformed. */
  #take(type: number, value: Buffer): boolean {
    switch (type) {
      case StunAttribute.mappedAddress:
        return this.#set('mappedAddress', readAddressValue(value));
      case StunAttribute.xorMappedAddress:
        return this.#set('xorMappedAddress', readAddressValue(value, this.#header));
      case StunAttribute.sourceAddress:
      case StunAttribute.responseOrigin:
        return this.#set('responseOrigin', readAddressValue(value));
      case StunAttribute.changedAddress:
      case StunAttribute.otherAddress:
        return this.#set('otherAddress', readAddressValue(value));
      case StunAttribute.changeRequest:
        return this.#set('changeRequest', value.length === 4 ? { host: (value[3]! & 4) !== 0, port: (value[3]! & 2) !== 0 } : undefined);
      case StunAttribute.errorCode:
        return this.#set('error', readError(value));
      case StunAttribute.unknownAttributes:
        return this.#set('unknownAttributes', value.length % 2 === 0 ? Array.from({ length: value.length / 2 }, (_, index) => value.readUInt16BE(index * 2)) : undefined);
      case StunAttribute.software:
        // Optional: one that is too long is as good as none.
        if (value.length <= maxTextBytes) this.found.software = value.toString('utf8');
        return true;
      default:
        if (type < firstOptional && !ignored.has(type)) this.#notUnderstood.push(type);
        return true;
    }
  }

  #set<Field extends keyof Found>(field: Field, value: Found[Field] | undefined): boolean {
    if (value !== undefined && this.found[field] === undefined) this.found[field] = value;
    return value !== undefined;
  }
}

function readError(value: Buffer): StunMessage['error'] {
  if (value.length < 4 || value.length > 4 + maxTextBytes) return undefined;
  const [hundreds, rest] = [value[2]! & 7, value[3]!];
  return hundreds < 3 || hundreds > 6 || rest > 99 ? undefined : { code: hundreds * 100 + rest, reason: value.toString('utf8', 4) };
}

/** RFC 8489, section 5: the bits of the class lie between those of the method. */
function typeOf(messageClass: StunClass, method: number): number {
  const bits = classes.indexOf(messageClass);
  return (method & 0xf) | ((method & 0x70) << 1) | ((method & 0xf80) << 2) | ((bits & 1) << 4) | ((bits & 2) << 7);
}

function headerOf(transactionId: string): StunHeader {
  const id = Buffer.from(transactionId, 'hex');
  if (id.length !== 12 && id.length !== 16) throw new RangeError('a STUN transaction id has 24 hex digits, or 32 without the cookie');
  const hasCookie = id.length === 12;
  return { hasCookie, transactionId, identity: hasCookie ? Buffer.concat([uint32(stunCookie), id]) : id };
}

function readHeader(bytes: Buffer): StunHeader {
  const hasCookie = bytes.readUInt32BE(4) === stunCookie;
  return { hasCookie, transactionId: bytes.toString('hex', hasCookie ? 8 : 4, stunHeaderBytes), identity: bytes.subarray(4, stunHeaderBytes) };
}

function writeFingerprint(bytes: Buffer, offset: number): void {
  bytes.writeUInt16BE(StunAttribute.fingerprint, offset);
  bytes.writeUInt16BE(4, offset + 2);
  bytes.writeUInt32BE((crc32(bytes.subarray(0, offset)) ^ fingerprintXor) >>> 0, offset + 4);
}

function isFingerprint(bytes: Buffer, offset: number): boolean {
  return bytes.readUInt16BE(offset + 2) === 4 && bytes.readUInt32BE(offset + 4) === (crc32(bytes.subarray(0, offset)) ^ fingerprintXor) >>> 0;
}

function padded(length: number): number {
  return (length + 3) & ~3;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
