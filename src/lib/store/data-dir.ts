import { constants } from 'node:fs';
import { access, chmod, mkdir, stat } from 'node:fs/promises';
import { MaculaError } from '../base/errors.js';
import { storeError } from './store-error.js';

/** Only the owner may look into it: it holds the private key and the control socket. */
const privateMode = 0o700;

/**
 * Makes the data directory (and those above it) if absent and sees that it is private and writable.
 * @throws MaculaError MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED
 */
export async function prepareDataDir(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: privateMode });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const found = await stat(path);
    if (!found.isDirectory()) throw notADirectory(path);
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) await chmod(path, privateMode);
  } catch (error) {
    if (error instanceof MaculaError) throw error;
    if (error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'ENOTDIR')) throw notADirectory(path);
    throw storeError('cannot prepare the data directory', path, error);
  }
}

function notADirectory(path: string): MaculaError {
  return new MaculaError('MACULA_STORE_FAILED', `the data directory ${path} is not a directory`, { details: { path }, hint: 'Choose another --data-dir, or move the file away.' });
}
