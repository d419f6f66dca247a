import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { errnoOf, MaculaError } from '../base/errors.js';
import { inspectCertificate, type InspectedCertificate } from './certificate-rules.js';
import { DerError } from './der.js';
import { shellQuote } from './identity-paths.js';
import { readPublicKeyInfo } from './public-key-info.js';

/** A file of the pair as found on disk. */
export interface PemFile {
  readonly path: string;
  readonly text: string;
  /** Permission bits. */
  readonly mode: number;
}

/** Larger than any certificate and key together; what is larger is something else. */
const maxFileBytes = 65_536;

function unreadable(path: string, reason: string, hint: string, cause?: unknown): MaculaError {
  return new MaculaError('MACULA_CERTIFICATE_UNREADABLE', `${path} ${reason}.`, { details: { path, reason }, hint, cause });
}

function notReadable(path: string, error: unknown): MaculaError {
  const errno = errnoOf(error);
  if (errno === 'EACCES' || errno === 'EPERM') {
    return unreadable(path, 'may not be read by this user', `Run as the user that owns it (\`ls -l ${shellQuote(path)}\` shows who), or give it to this one with chown.`, error);
  }
  return unreadable(path, `cannot be read (${errno ?? String(error)})`, 'Check the path and the disk, or restore the file from a backup.', error);
}

async function readHandle(handle: FileHandle, path: string): Promise<PemFile> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw unreadable(path, 'is not a regular file', 'Name a PEM file.');
  if (stat.size > maxFileBytes) throw unreadable(path, 'is too large for a PEM file of one certificate or key', 'Name a PEM file.');
  const bytes = await handle.readFile();
  if (bytes.length === 0) throw unreadable(path, 'is empty', 'Restore it from a backup.');
  return { path, text: bytes.toString('latin1'), mode: stat.mode & 0o777 };
}

/** Reads a file of the pair; undefined if there is none. @throws MaculaError MACULA_CERTIFICATE_UNREADABLE */
export async function readPemFile(path: string): Promise<PemFile | undefined> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw notReadable(path, error);
  }
  try {
    return await readHandle(handle, path);
  } catch (error) {
    throw error instanceof MaculaError ? error : notReadable(path, error);
  } finally {
    await handle.close();
  }
}

/** PEM blocks whose label ends like this (RFC 7468 §2), whatever text stands around them. */
function pemBlocks(text: string, labelEnd: string): string[] {
  return text.match(new RegExp(`-----BEGIN ([A-Z0-9 ]*${labelEnd})-----[^-]*-----END \\1-----`, 'g')) ?? [];
}

function notPem(file: PemFile, wanted: string, other: string, derCommand: string): MaculaError {
  if (pemBlocks(file.text, other).length > 0) {
    return unreadable(file.path, `holds a ${other.toLowerCase()} where a ${wanted.toLowerCase()} is expected`, 'The two paths seem to be swapped: check MACULA_CERT_PATH and MACULA_KEY_PATH.');
  }
  const quoted = shellQuote(file.path);
  if (file.text.startsWith('0') && file.text.includes('\x02')) {
    return unreadable(file.path, 'is not PEM; it looks like DER', `Convert it with \`openssl ${derCommand} -inform DER -in ${quoted} -out ${shellQuote(`${file.path}.pem`)}\` and put the result in its place.`);
  }
  return unreadable(file.path, `is damaged or holds no ${wanted.toLowerCase()} in PEM`, 'Restore it from a backup.');
}

/**
 * The certificate in a PEM file, held to the rules every peer will hold it to (validity excepted).
 * @throws MaculaError MACULA_CERTIFICATE_UNREADABLE, MACULA_CERTIFICATE_INVALID
 */
export function parseCertificateFile(file: PemFile): InspectedCertificate {
  const blocks = pemBlocks(file.text, 'CERTIFICATE');
  const [block] = blocks;
  if (block === undefined) throw notPem(file, 'CERTIFICATE', 'PRIVATE KEY', 'x509');
  if (blocks.length > 1) {
    throw new MaculaError('MACULA_CERTIFICATE_INVALID', `${file.path} holds ${blocks.length} certificates; exactly one is allowed.`, {
      details: { path: file.path, rule: 'exactly one certificate' },
      hint: 'Leave only the self-signed certificate of this node in the file.',
    });
  }
  let der: Buffer;
  try {
    der = new X509Certificate(block).raw;
  } catch (error) {
    throw unreadable(file.path, 'is damaged: its certificate cannot be parsed', 'Restore it from a backup.', error);
  }
  try {
    return inspectCertificate(der);
  } catch (error) {
    const { code, message, details } = MaculaError.from(error);
    throw new MaculaError(code, `${file.path}: ${message}`, {
      details: { ...details, path: file.path },
      hint: 'Nodes need a self-signed certificate, fit for digital signatures, of an Ed25519, ECDSA P-256 or RSA (2048 to 4096 bits) key.',
      cause: error,
    });
  }
}

/** @throws MaculaError MACULA_CERTIFICATE_INVALID unless nodes may have a key of this type */
function checkKeyType(privateKey: KeyObject, path: string): void {
  try {
    readPublicKeyInfo(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new MaculaError('MACULA_CERTIFICATE_INVALID', `${path} cannot be used: ${error.message}.`, {
      details: { path, rule: error.message },
      hint: 'Use an Ed25519, ECDSA P-256 or RSA (2048 to 4096 bits) key; `macula cert init --dir DIR` makes one.',
    });
  }
}

/**
 * The private key in a PEM file: PKCS#8, SEC 1 or PKCS#1, not encrypted, of an allowed type.
 * @throws MaculaError MACULA_CERTIFICATE_UNREADABLE, MACULA_CERTIFICATE_INVALID
 */
export function parseKeyFile(file: PemFile): KeyObject {
  const blocks = pemBlocks(file.text, 'PRIVATE KEY');
  const [block] = blocks;
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(file.text)) {
    const quoted = shellQuote(file.path);
    throw unreadable(file.path, 'is encrypted with a passphrase, which a node has no way to ask for', `Decrypt it with \`(umask 077; openssl pkey -in ${quoted} -out ${shellQuote(`${file.path}.plain`)})\` and put the result in its place.`);
  }
  if (block === undefined) throw notPem(file, 'PRIVATE KEY', 'CERTIFICATE', 'pkey');
  if (blocks.length > 1) throw unreadable(file.path, `holds ${blocks.length} private keys`, 'Leave only the key of this node in the file.');
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(block);
  } catch (error) {
    throw unreadable(file.path, 'is damaged: its private key cannot be parsed', 'Restore it from a backup.', error);
  }
  checkKeyType(privateKey, file.path);
  return privateKey;
}
