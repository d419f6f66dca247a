import { MaculaError } from '../base/errors.js';
import { maxMessageDepth } from '../wire/message-pack-scan.js';
import { bytesFrom } from './written-bytes.js';

/** Key of the object that stands for bytes in JSON. */
const bytesKey = '$base64';

/** A received value as JSON can carry it: bytes become `{"$base64":"…"}`, integers beyond 2^53 text, numbers that are none null. */
export function toJsonValue(value: unknown): unknown {
  if (value instanceof Uint8Array) return { [bytesKey]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(toJsonValue);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toJsonValue(item)]));
  return value === undefined ? null : value;
}

/** The inverse: `{"$base64":"…"}` becomes bytes. @throws MaculaError MACULA_USAGE where it is not base64, MACULA_INVALID_VALUE where it is nested too deeply */
export function fromJsonValue(value: unknown): unknown {
  return fromJson(value, maxMessageDepth);
}

function fromJson(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const entries = Array.isArray(value) ? [] : Object.entries(value);
  const only = entries[0];
  if (entries.length === 1 && only?.[0] === bytesKey) return bytesOf(only[1]);
  if (depth === 0) throw new MaculaError('MACULA_INVALID_VALUE', `the value is nested deeper than ${maxMessageDepth}`, { details: { maxDepth: maxMessageDepth } });
  if (Array.isArray(value)) return value.map((item) => fromJson(item, depth - 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, fromJson(item, depth - 1)]));
}

function bytesOf(text: unknown): Uint8Array {
  if (typeof text === 'string') return bytesFrom(text, 'base64');
  throw new MaculaError('MACULA_USAGE', `behind ${bytesKey} stand bytes in base64`);
}
