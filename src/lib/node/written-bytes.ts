import { MaculaError } from '../base/errors.js';

/** Bytes as JSON can carry them: as text where they are UTF-8. */
export function writtenBytes(bytes: Uint8Array): { value: string; encoding: 'utf8' | 'base64' } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? { value: text, encoding: 'utf8' } : { value: buffer.toString('base64'), encoding: 'base64' };
}

/** The inverse. @throws MaculaError MACULA_USAGE where it is not base64, of which Node.js would take as much as it understands */
export function bytesFrom(text: string, encoding: 'utf8' | 'base64'): Buffer {
  const bytes = Buffer.from(text, encoding);
  // Whole, padded and in the usual alphabet: it is what these bytes are written as.
  if (encoding === 'base64' && bytes.toString('base64') !== text) throw new MaculaError('MACULA_USAGE', 'the value is said to be base64 and is not', { hint: 'Base64 uses A–Z, a–z, 0–9, + and /, and is padded with =.' });
  return bytes;
}
