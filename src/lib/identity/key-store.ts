import type { Clock } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { RandomSource } from '../base/random.js';
import { certify, generateIdentity, type CertificateComponents } from './certificate.js';
import type { KeyType, NodeIdentity } from './identity.js';
import { certInitCommand, type IdentityPaths } from './identity-paths.js';
import { examinePair, noPair, readPrivateKey } from './pair-report.js';
import { fileExists, writeCertificate, writePair } from './pair-writer.js';

async function loadIfPresent(paths: IdentityPaths, clock: Clock): Promise<NodeIdentity | undefined> {
  const report = await examinePair(paths, clock.wallMs());
  if (report === undefined) return undefined;
  const { certificate, privateKey, problems } = report;
  if (problems[0] !== undefined) throw problems[0];
  return {
    nodeId: certificate!.nodeId,
    keyType: certificate!.keyType,
    certificatePem: certificate!.x509.toString(),
    privateKeyPem: privateKey!.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * Loads the identity of a node: certificate (PEM, also from openssl) and private key (PKCS#8, SEC 1 or PKCS#1).
 * @throws MaculaError MACULA_NOT_FOUND if neither file is there, MACULA_CERTIFICATE_MISSING, MACULA_KEY_UNSAFE,
 * MACULA_CERTIFICATE_UNREADABLE, MACULA_CERTIFICATE_INVALID, MACULA_KEY_MISMATCH, MACULA_CERTIFICATE_EXPIRED
 */
export async function loadIdentity(paths: IdentityPaths, components: { readonly clock: Clock }): Promise<NodeIdentity> {
  const identity = await loadIfPresent(paths, components.clock);
  if (identity !== undefined) return identity;
  throw noPair(paths);
}

/**
 * Writes a pair: all of it or nothing, the key for its owner alone, existing files replaced only with `force`.
 * @throws MaculaError MACULA_FILE_EXISTS, MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED
 */
export async function writeIdentity(
  identity: NodeIdentity,
  paths: IdentityPaths,
  options: { readonly force: boolean },
  components: { readonly random: RandomSource },
): Promise<void> {
  if (!options.force) await refuseExisting(paths);
  await writePair(paths, identity, options.force, components.random);
}

async function refuseExisting(paths: IdentityPaths): Promise<void> {
  for (const path of [paths.certPath, paths.keyPath]) {
    if (!(await fileExists(path))) continue;
    throw new MaculaError('MACULA_FILE_EXISTS', `${path} exists already.`, {
      details: { path },
      hint: 'Use --force to replace it, which gives the node a new id, or --force --keep-key for a new certificate with the same id.',
    });
  }
}

/**
 * Loads the identity, or makes one where neither file exists. Never replaces or completes existing files.
 * @returns the identity, and whether it was made now
 * @throws MaculaError as {@link loadIdentity} (but MACULA_NOT_FOUND) and {@link writeIdentity}
 */
export async function loadOrCreateIdentity(
  settings: IdentityPaths & { readonly keyType: KeyType },
  components: CertificateComponents,
): Promise<{ identity: NodeIdentity; created: boolean }> {
  const existing = await loadIfPresent(settings, components.clock);
  if (existing !== undefined) return { identity: existing, created: false };
  const identity = await generateIdentity(settings.keyType, components);
  try {
    await writePair(settings, identity, false, components.random);
  } catch (error) {
    if (MaculaError.from(error).code !== 'MACULA_FILE_EXISTS') throw error;
    // Another first start was faster: its identity is the one.
    const other = await loadIfPresent(settings, components.clock);
    if (other === undefined) throw error;
    return { identity: other, created: false };
  }
  return { identity, created: true };
}

export interface InitSettings extends IdentityPaths {
  readonly keyType: KeyType;
  /** Replace existing files. */
  readonly force: boolean;
  /** Make only a certificate, for the private key that is there; the node id stays. `keyType` is ignored. */
  readonly keepKey: boolean;
}

/**
 * Makes key and certificate, or with `keepKey` a new certificate for the key that is there (what `macula cert init`
 * does).
 * @throws MaculaError MACULA_FILE_EXISTS, MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED; with `keepKey` also
 * MACULA_NOT_FOUND, MACULA_KEY_UNSAFE, MACULA_CERTIFICATE_UNREADABLE, MACULA_CERTIFICATE_INVALID
 */
export async function initIdentity(settings: InitSettings, components: CertificateComponents): Promise<NodeIdentity> {
  if (settings.keepKey) return renewFor(settings, components);
  if (!settings.force) await refuseExisting(settings);
  const identity = await generateIdentity(settings.keyType, components);
  await writePair(settings, identity, settings.force, components.random);
  return identity;
}

async function renewFor(settings: InitSettings, components: CertificateComponents): Promise<NodeIdentity> {
  const key = await readPrivateKey(settings.keyPath);
  if (key === undefined) {
    throw new MaculaError('MACULA_NOT_FOUND', `There is no private key at ${settings.keyPath} to keep.`, {
      details: { keyPath: settings.keyPath },
      hint: `Make a new pair with \`${certInitCommand(settings, '')}\`.`,
    });
  }
  const identity = await certify(key, components);
  await writeCertificate(settings.certPath, identity.certificatePem, settings.force, components.random);
  return identity;
}
