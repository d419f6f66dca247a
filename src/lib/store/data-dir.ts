import { constants } from 'node:fs';
import { access, chmod, readdir, stat } from 'node:fs/promises';
import { MaculaError } from '../base/errors.js';
import { makePrivateDirectory } from '../base/make-directory.js';
import { storeError } from './store-error.js';

/** Only the owner may look into it: it holds the private key and the control socket. */
const privateMode = 0o700;

/** What a node keeps in its directory. */
const ownNames: ReadonlySet<string> = new Set(['node.pid', 'node.lock', 'node.log', 'control.sock', 'config.json', 'store', 'key.pem', 'cert.pem']);

/**
 * Makes the data directory (and those above it) if absent and sees that it is writable, and private where it is the
 * node's own: a directory that holds other things (somebody passed /tmp) keeps its mode.
 * @throws MaculaError MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED
 */
export async function prepareDataDir(path: string): Promise<void> {
  try {
    makePrivateDirectory(path);
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const found = await stat(path);
    if (!found.isDirectory()) throw notADirectory(path);
    if (found.uid === process.getuid?.() && (found.mode & 0o077) !== 0 && (await isOwn(path))) await chmod(path, privateMode);
  } catch (error) {
    if (error instanceof MaculaError) throw error;
    if (error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'ENOTDIR')) throw notADirectory(path);
    throw storeError('cannot prepare the data directory', path, error);
  }
}

async function isOwn(path: string): Promise<boolean> {
  const names = await readdir(path);
  return names.every((name) => ownNames.has(name) || name.startsWith('store.damaged-'));
}

function notADirectory(path: string): MaculaError {
  return new MaculaError('MACULA_STORE_FAILED', `the data directory ${path} is not a directory`, { details: { path }, hint: 'Choose another --data-dir, or move the file away.' });
}
