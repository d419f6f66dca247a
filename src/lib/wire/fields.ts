import { LRUCache } from 'lru-cache';
import { formatAddress, parseAddress, type SocketAddress } from '../base/address.js';
import { MaculaError } from '../base/errors.js';

/** The error of a message whose fields break the rules of docs/PROTOCOL.md. */
export function malformed(message: string, problem: string): MaculaError {
  return new MaculaError('MACULA_PROTOCOL_VIOLATION', `malformed ${message}: ${problem}`, { details: { message } });
}

/** A map with string keys, own properties only. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function mapOf(message: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) throw malformed(message, 'not a map');
  return value as Record<string, unknown>;
}

/** An array of exactly `length` elements. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function tupleOf(message: string, value: unknown, length: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length !== length) throw malformed(message, `not an array of ${length}`);
  return value;
}

/** An array of at most `maxItems`, each read by `read`. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function listOf<Item>(message: string, field: string, value: unknown, maxItems: number, read: (item: unknown) => Item): Item[] {
  if (!Array.isArray(value) || value.length > maxItems) throw malformed(message, `${field} is not an array of at most ${maxItems}`);
  return value.map((item) => read(item));
}

/** Text of at most `maxBytes` bytes of UTF-8. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function textOf(message: string, field: string, value: unknown, maxBytes: number, minBytes = 0): string {
  if (typeof value !== 'string' || value.length > maxBytes) throw malformed(message, `${field} is not text of at most ${maxBytes} bytes`);
  // A unit of the string is one to three bytes, so short text need not be measured.
  if (value.length >= minBytes && value.length * 3 <= maxBytes) return value;
  const bytes = Buffer.byteLength(value);
  if (bytes > maxBytes || bytes < minBytes) throw malformed(message, `${field} is not text of ${minBytes} to ${maxBytes} bytes`);
  return value;
}

/** Binary of exactly `length` bytes. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function bytesOf(message: string, field: string, value: unknown, length: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) throw malformed(message, `${field} is not ${length} bytes`);
  return value;
}

/** Binary of `minBytes` to `maxBytes`. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function bytesBetween(message: string, field: string, value: unknown, minBytes: number, maxBytes: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length < minBytes || value.length > maxBytes) {
    throw malformed(message, `${field} is not ${minBytes} to ${maxBytes} bytes`);
  }
  return value;
}

/** A whole number in [min, max]; max is at most 2^53. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function integerOf(message: string, field: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw malformed(message, `${field} is not a whole number from ${min} to ${max}`);
  }
  return value;
}

/** Longest text of an address: IPv6 in brackets, colon, port. */
const maxAddressBytes = 47;

/** The same few addresses come with every answer of the DHT, and reading one takes microseconds. */
const addressesRead = new LRUCache<string, SocketAddress>({ max: 4096 });

/** An address written `192.0.2.1:4433` or `[2001:db8::1]:4433`. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function addressOf(message: string, field: string, value: unknown): SocketAddress {
  const text = textOf(message, field, value, maxAddressBytes);
  const known = addressesRead.get(text);
  if (known !== undefined) return known;
  const address = parseAddress(text);
  if (address === undefined) throw malformed(message, `${field} is not an IP address and port`);
  addressesRead.set(text, address);
  return address;
}

/** Addresses as they travel, at most `maxItems` of them. */
export function addressTexts(addresses: readonly SocketAddress[], maxItems: number): string[] {
  return addresses.slice(0, maxItems).map(formatAddress);
}

const utf8 = new TextEncoder();

/**
 * The longest beginning of the text that fits `maxBytes` bytes of UTF-8 without splitting a character; lone
 * surrogates, which have no UTF-8, become U+FFFD.
 */
export function truncateText(text: string, maxBytes: number): string {
  const bytes = Buffer.alloc(maxBytes);
  const { written } = utf8.encodeInto(text, bytes);
  return bytes.toString('utf8', 0, written);
}
