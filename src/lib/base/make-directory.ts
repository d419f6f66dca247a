import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './errors.js';

/**
 * Makes a directory, and those above it, for its owner alone (0700); one that is there is left as it is. Node's own
 * recursive mkdir never returns where a system says ENOENT below a directory that exists (/proc), and says ENOENT where
 * a file system is read-only.
 * @throws Node.js system errors: EEXIST or ENOTDIR where something else is in the way, EACCES, EROFS, ENOSPC, …
 */
export function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (isDirectory(path)) return;
    const parent = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || isDirectory(parent)) throw error;
    makePrivateDirectory(parent);
    makePrivateDirectory(path);
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
