import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { errnoOf, MaculaError } from '../lib/base/errors.js';
import { readJsonValues } from '../lib/control/json-lines.js';

/** Longest line of input: what one value may take, in base64. */
const maxLineBytes = 2 * 1024 * 1024;

/**
 * Where the values come from that a call streams: each line of stdin (`-`) or of a file (`@file`) is one, as JSON.
 * @throws MaculaError MACULA_USAGE, MACULA_PERMISSION_DENIED; later, from the iteration, as readJsonValues
 */
export async function openStreamInput(argument: string, stdin: () => Readable): Promise<AsyncIterable<unknown>> {
  if (argument === '-') return readJsonValues(stdin(), maxLineBytes);
  if (!argument.startsWith('@')) throw new MaculaError('MACULA_USAGE', `--input takes - for stdin or @file, not ${JSON.stringify(argument)}`);
  const path = argument.slice(1);
  try {
    const file = await open(path);
    return readJsonValues(file.createReadStream(), maxLineBytes);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    if (errno === 'EACCES' || errno === 'EPERM') throw new MaculaError('MACULA_PERMISSION_DENIED', `${path} may not be read`, { details: { path }, cause });
    throw new MaculaError('MACULA_USAGE', `${path} cannot be read: ${errno}`, { hint: 'Behind @ stands the path of a file.', details: { path }, cause });
  }
}
