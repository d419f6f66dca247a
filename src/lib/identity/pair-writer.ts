import { link, lstat, open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, MaculaError } from '../base/errors.js';
import { makePrivateDirectory } from '../base/make-directory.js';
import type { RandomSource } from '../base/random.js';
import type { IdentityPaths } from './identity-paths.js';

const keyMode = 0o600;
const certificateMode = 0o644;

function writeFailed(path: string, error: unknown): MaculaError {
  const errno = errnoOf(error);
  if (errno === 'EEXIST') {
    return new MaculaError('MACULA_FILE_EXISTS', `${path} exists already.`, { details: { path }, cause: error });
  }
  const denied = errno === 'EACCES' || errno === 'EPERM' || errno === 'EROFS' || errno === 'ENOTDIR';
  const message = `${path} cannot be written (${errno ?? String(error)}).`;
  return new MaculaError(denied ? 'MACULA_PERMISSION_DENIED' : 'MACULA_STORE_FAILED', message, { details: { path }, cause: error });
}

async function guarded<Value>(path: string, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof MaculaError ? error : writeFailed(path, error);
  }
}

/** Makes the names in a directory durable. Windows has no such call and needs none. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function fill(handle: FileHandle, text: string, mode: number): Promise<void> {
  try {
    await handle.writeFile(text);
    await handle.chmod(mode); // whatever the umask is
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const pendingPrefix = (path: string): string => `.${basename(path)}.`;
const pendingSuffix = '.new';

function makeDirectory(directory: string): void {
  try {
    makePrivateDirectory(directory);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw writeFailed(directory, error);
    throw new MaculaError('MACULA_PERMISSION_DENIED', `${directory} is not a directory.`, { details: { path: directory }, cause: error });
  }
}

/** Writes a file next to where it shall be, complete and durable. Returns its path. */
async function writePending(path: string, text: string, mode: number, random: RandomSource): Promise<string> {
  const tag = Buffer.from(random.bytes(8)).toString('hex');
  const pending = join(dirname(path), `${pendingPrefix(path)}${tag}${pendingSuffix}`);
  makeDirectory(dirname(path));
  const handle = await open(pending, 'wx', keyMode);
  try {
    await fill(handle, text, mode);
  } catch (error) {
    await rm(pending, { force: true });
    throw error;
  }
  return pending;
}

/** Gives a pending file its name; an existing file is replaced only with `replace`. @throws EEXIST */
async function publish(pending: string, path: string, replace: boolean): Promise<void> {
  if (replace) return rename(pending, path);
  try {
    await link(pending, path);
  } catch (error) {
    // Some file systems have no hard links; there, only two first starts at the same moment could collide.
    const errno = errnoOf(error);
    if (errno === undefined || !['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errno)) throw error;
    if (await fileExists(path)) throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' });
    await rename(pending, path);
  }
}

/** Whether anything has this name, a dangling link included. */
export async function fileExists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function writeOne(path: string, pem: string, mode: number, replace: boolean, random: RandomSource): Promise<void> {
  await guarded(path, async () => {
    const pending = await writePending(path, pem, mode, random);
    try {
      await publish(pending, path, replace);
      await syncDirectory(dirname(path));
    } finally {
      await rm(pending, { force: true });
    }
  });
}

/** Another process may have completed our pair from the pending certificate; then it is as good as our own doing. */
async function publishCertificate(pending: string, path: string, text: string, replace: boolean): Promise<void> {
  try {
    await publish(pending, path, replace);
  } catch (error) {
    const already = await readFile(path, 'utf8').catch(() => undefined);
    if (already !== text) throw error;
  }
}

/**
 * Writes a pair so that after a crash at any moment either nothing, or the whole pair, or the key together with a
 * pending certificate (which {@link pendingCertificates} finds) is there. Key mode 0600, certificate 0644,
 * directories that must be made 0700.
 * @param replace whether existing files are replaced
 * @throws MaculaError MACULA_FILE_EXISTS, MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED
 */
export async function writePair(
  paths: IdentityPaths,
  pems: { readonly certificatePem: string; readonly privateKeyPem: string },
  replace: boolean,
  random: RandomSource,
): Promise<void> {
  const { certPath, keyPath } = paths;
  const { certificatePem, privateKeyPem } = pems;
  const certificate = await guarded(certPath, () => writePending(certPath, certificatePem, certificateMode, random));
  let keyPublished = false;
  try {
    await guarded(certPath, () => syncDirectory(dirname(certPath)));
    await writeOne(keyPath, privateKeyPem, keyMode, replace, random);
    keyPublished = true;
    await guarded(certPath, () => publishCertificate(certificate, certPath, certificatePem, replace));
    await guarded(certPath, () => syncDirectory(dirname(certPath)));
  } catch (error) {
    // From here on the pending certificate is the only one of the new key: the next start puts it in place.
    if (!keyPublished) await rm(certificate, { force: true });
    throw error;
  }
  await rm(certificate, { force: true });
}

/** Writes a certificate alone, atomically, mode 0644. @throws as {@link writePair} */
export async function writeCertificate(certPath: string, pem: string, replace: boolean, random: RandomSource): Promise<void> {
  await writeOne(certPath, pem, certificateMode, replace, random);
}

/** Certificates that an interrupted {@link writePair} left next to `certPath`, as paths. */
export async function pendingCertificates(certPath: string): Promise<string[]> {
  const names = await readdir(dirname(certPath)).catch(() => []);
  const pending = names.filter((name) => name.startsWith(pendingPrefix(certPath)) && name.endsWith(pendingSuffix));
  return pending.sort().map((name) => join(dirname(certPath), name));
}

/** Completes an interrupted {@link writePair}. @throws as {@link writePair} */
export async function completePair(pendingPath: string, certPath: string): Promise<void> {
  await guarded(certPath, async () => {
    await rename(pendingPath, certPath);
    await syncDirectory(dirname(certPath));
  });
}
