/** Bytes as JSON can carry them: as text where they are UTF-8. */
export function writtenBytes(bytes: Uint8Array): { value: string; encoding: 'utf8' | 'base64' } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString('utf8');
  return Buffer.from(text, 'utf8').equals(buffer) ? { value: text, encoding: 'utf8' } : { value: buffer.toString('base64'), encoding: 'base64' };
}
