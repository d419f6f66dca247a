import type { KeyObject } from 'node:crypto';
import { MaculaError } from '../base/errors.js';
import { checkValidity, type InspectedCertificate } from './certificate-rules.js';
import { certInitCommand, shellQuote, type IdentityPaths } from './identity-paths.js';
import { parseCertificateFile, parseKeyFile, readPemFile, type PemFile } from './pair-reader.js';
import { completePair, pendingCertificates } from './pair-writer.js';

interface PairFiles {
  readonly certificate: PemFile | undefined;
  readonly key: PemFile | undefined;
}

/** Certificate first: as the key is written first, a certificate seen here has its key in place. */
async function readFiles(paths: IdentityPaths): Promise<PairFiles> {
  const certificate = await readPemFile(paths.certPath);
  return { certificate, key: await readPemFile(paths.keyPath) };
}

function belongTogether(certificate: PemFile, key: PemFile): boolean {
  try {
    return parseCertificateFile(certificate).x509.checkPrivateKey(parseKeyFile(key));
  } catch {
    return false;
  }
}

/** Puts the certificate in place that an interrupted write left for this key, if there is one. */
async function completeInterruptedWrite(paths: IdentityPaths, key: PemFile): Promise<void> {
  for (const path of await pendingCertificates(paths.certPath)) {
    try {
      const pending = await readPemFile(path);
      if (pending === undefined || !belongTogether(pending, key)) continue;
      await completePair(path, paths.certPath);
      return;
    } catch {
      // Not allowed or gone by now: what is said about the pair itself says more.
    }
  }
}

/** Both files; what another process is writing, or was killed while writing, is seen as if it had finished. */
async function readPair(paths: IdentityPaths): Promise<PairFiles> {
  const files = await readFiles(paths);
  const { certificate, key } = files;
  if (certificate === undefined && key === undefined) return files;
  if (certificate !== undefined && key !== undefined && belongTogether(certificate, key)) return files;
  if (key !== undefined) await completeInterruptedWrite(paths, key);
  return readFiles(paths);
}

/** Whether others than the owner may do anything with the key. Windows keeps permissions elsewhere than in the mode. */
function isExposed(key: PemFile): boolean {
  return process.platform !== 'win32' && (key.mode & 0o077) !== 0;
}

function missing(paths: IdentityPaths, which: 'certificate' | 'key'): MaculaError {
  const details = { certPath: paths.certPath, keyPath: paths.keyPath, missing: which };
  if (which === 'certificate') {
    return new MaculaError('MACULA_CERTIFICATE_MISSING', `${paths.certPath} is missing, but its private key ${paths.keyPath} is there.`, {
      details,
      hint: `Restore the certificate, or make a new one for the same key and node id with \`${certInitCommand(paths, '--keep-key')}\`.`,
    });
  }
  return new MaculaError('MACULA_CERTIFICATE_MISSING', `${paths.keyPath} is missing, but its certificate ${paths.certPath} is there.`, {
    details,
    hint: `Restore the private key from a backup, or give this node a new identity with \`${certInitCommand(paths, '--force')}\`.`,
  });
}

/** For those who need a pair where there is none. */
export function noPair(paths: IdentityPaths): MaculaError {
  return new MaculaError('MACULA_NOT_FOUND', `There is no certificate at ${paths.certPath}.`, {
    details: { certPath: paths.certPath, keyPath: paths.keyPath },
    hint: `Make one with \`${certInitCommand(paths, '')}\`; \`macula node start\` does so by itself.`,
  });
}

function unsafeKey(key: PemFile): MaculaError {
  const mode = `0${key.mode.toString(8).padStart(3, '0')}`;
  return new MaculaError('MACULA_KEY_UNSAFE', `${key.path} can be accessed by other users (mode ${mode}).`, {
    details: { path: key.path, mode },
    hint: `Run \`chmod 600 ${shellQuote(key.path)}\`; if others may have read it, make a new identity instead.`,
  });
}

function mismatch(paths: IdentityPaths): MaculaError {
  return new MaculaError('MACULA_KEY_MISMATCH', `The certificate ${paths.certPath} does not belong to the private key ${paths.keyPath}.`, {
    details: { certPath: paths.certPath, keyPath: paths.keyPath },
    hint: `Put the matching pair in place, or make a certificate for this key with \`${certInitCommand(paths, '--force --keep-key')}\`; the node id is that of the key.`,
  });
}

function outsideValidity(paths: IdentityPaths, error: MaculaError): MaculaError {
  return new MaculaError(error.code, `${paths.certPath}: ${error.message}`, {
    details: { ...error.details, path: paths.certPath },
    hint: `If the clock is right, make a new certificate for the same key and node id with \`${certInitCommand(paths, '--force --keep-key')}\`.`,
    cause: error,
  });
}

/** What is known of a pair, and everything that keeps a node from using it, gravest first. */
export interface PairReport {
  readonly certificate?: InspectedCertificate;
  readonly privateKey?: KeyObject;
  /** Permission bits of the key file. */
  readonly keyMode?: number;
  readonly problems: readonly MaculaError[];
}

/** Runs one check, keeps its error for the report. */
function attempt<Value>(problems: MaculaError[], check: () => Value): Value | undefined {
  try {
    return check();
  } catch (error) {
    problems.push(MaculaError.from(error));
    return undefined;
  }
}

/**
 * Examines the pair on disk without refusing anything; undefined if neither file is there.
 * @param wallMs Clock.wallMs() @throws MaculaError MACULA_CERTIFICATE_UNREADABLE if a file cannot even be read
 */
export async function examinePair(paths: IdentityPaths, wallMs: number): Promise<PairReport | undefined> {
  const { certificate: certificateFile, key: keyFile } = await readPair(paths);
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  const problems: MaculaError[] = [];
  if (certificateFile === undefined) problems.push(missing(paths, 'certificate'));
  if (keyFile === undefined) problems.push(missing(paths, 'key'));
  if (keyFile !== undefined && isExposed(keyFile)) problems.push(unsafeKey(keyFile));
  const certificate = certificateFile && attempt(problems, () => parseCertificateFile(certificateFile));
  const privateKey = keyFile && attempt(problems, () => parseKeyFile(keyFile));
  if (privateKey && certificate && !certificate.x509.checkPrivateKey(privateKey)) problems.push(mismatch(paths));
  if (certificate) {
    try {
      checkValidity(certificate, wallMs);
    } catch (error) {
      problems.push(outsideValidity(paths, MaculaError.from(error)));
    }
  }
  return { certificate, privateKey, keyMode: keyFile?.mode, problems };
}

/**
 * The private key alone; undefined if there is none.
 * @throws MaculaError MACULA_KEY_UNSAFE, MACULA_CERTIFICATE_UNREADABLE, MACULA_CERTIFICATE_INVALID
 */
export async function readPrivateKey(keyPath: string): Promise<KeyObject | undefined> {
  const file = await readPemFile(keyPath);
  if (file === undefined) return undefined;
  if (isExposed(file)) throw unsafeKey(file);
  return parseKeyFile(file);
}
