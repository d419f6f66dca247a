import { open } from 'node:fs/promises';
import { errnoOf, MaculaError } from '../lib/base/errors.js';

/** More than any value the mesh takes, less than what the control socket carries; the node knows the exact limit. */
const maxBytes = 1024 * 1024;

/** A value as the control socket takes it. */
export interface WrittenValue {
  readonly value: string;
  readonly encoding: 'utf8' | 'base64';
}

/**
 * The value an argument stands for: itself, the content of the file in `@file`, or stdin for `-`. Nothing is read
 * unless the argument says so.
 * @throws MaculaError MACULA_USAGE, MACULA_PERMISSION_DENIED, MACULA_VALUE_TOO_LARGE
 */
export async function readValue(argument: string, stdin: () => AsyncIterable<Uint8Array>): Promise<WrittenValue> {
  if (argument === '-') return written(await collect(stdin()));
  if (argument.startsWith('@')) return written(await readFileValue(argument.slice(1), 'Behind @ stands the path of a file. A value that begins with @ itself goes in through stdin, with - as the argument.'));
  return written(Buffer.from(argument, 'utf8'));
}

/** The bytes a value stands for. */
export function bytesOfValue({ value, encoding }: WrittenValue): Buffer {
  return Buffer.from(value, encoding);
}

function written(bytes: Buffer): WrittenValue {
  if (bytes.length > maxBytes) throw tooLarge();
  const value = bytes.toString('utf8');
  return Buffer.from(value, 'utf8').equals(bytes) ? { value, encoding: 'utf8' } : { value: bytes.toString('base64'), encoding: 'base64' };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    length += chunk.length;
    if (length > maxBytes) throw tooLarge();
  }
  return Buffer.concat(parts);
}

/** The content of a file. @throws MaculaError MACULA_USAGE, MACULA_PERMISSION_DENIED, MACULA_VALUE_TOO_LARGE */
export async function readFileValue(path: string, fileHint?: string): Promise<Buffer> {
  try {
    const file = await open(path);
    return await collect(file.createReadStream());
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    if (errno === 'EACCES' || errno === 'EPERM') throw new MaculaError('MACULA_PERMISSION_DENIED', `${path} may not be read`, { details: { path }, cause });
    throw new MaculaError('MACULA_USAGE', `${path} cannot be read: ${errno}`, {
      hint: fileHint,
      details: { path },
      cause,
    });
  }
}

function tooLarge(): MaculaError {
  return new MaculaError('MACULA_VALUE_TOO_LARGE', `the value is over ${maxBytes} bytes, more than any node takes`, { details: { maxBytes } });
}
