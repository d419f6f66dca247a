import type { Clock } from '../base/clock.js';
import type { ErrorCode } from '../base/error-catalogue.js';
import type { MaculaError } from '../base/errors.js';
import type { InspectedCertificate } from './certificate-rules.js';
import { certInitCommand, type IdentityPaths } from './identity-paths.js';
import type { NodeId } from './node-id.js';
import { examinePair, noPair } from './pair-report.js';

/** Something to do about a certificate: a problem that keeps nodes from starting, or one that is coming. */
export interface CertificateWarning {
  /** The error a node refuses to start with, or `EXPIRES_SOON`. */
  readonly code: ErrorCode | 'EXPIRES_SOON';
  readonly message: string;
  readonly hint: string;
}

/** What `macula cert show` shows. */
export interface CertificateInfo {
  readonly nodeId: NodeId;
  /** Distinguished name, e.g. `CN=macula-node-1a2b3c4d`. */
  readonly subject: string;
  /** `Ed25519`, `ECDSA P-256` or `RSA 2048`. */
  readonly algorithm: string;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whole days until notAfter, rounded down; negative once expired. */
  readonly daysLeft: number;
  /** 64 lower-case hex characters. */
  readonly fingerprintSha256: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Like `0600`; null if there is no key file. */
  readonly keyMode: string | null;
  readonly warnings: readonly CertificateWarning[];
}

const dayMs = 24 * 60 * 60 * 1000;
/** Time enough to plan a change on many machines. */
const expiresSoonDays = 30;

function algorithmName({ keyType, keyBits }: InspectedCertificate): string {
  switch (keyType) {
    case 'ed25519':
      return 'Ed25519';
    case 'ecdsa-p256':
      return 'ECDSA P-256';
    case 'rsa-2048':
      return `RSA ${keyBits}`;
  }
}

function warningsOf(problems: readonly MaculaError[], daysLeft: number, paths: IdentityPaths): CertificateWarning[] {
  const warnings = problems.map(({ code, message, hint }): CertificateWarning => ({ code, message, hint }));
  if (daysLeft >= 0 && daysLeft < expiresSoonDays) {
    warnings.push({
      code: 'EXPIRES_SOON',
      message: `The certificate expires in ${daysLeft} ${daysLeft === 1 ? 'day' : 'days'}.`,
      hint: `Make a new one for the same key and node id with \`${certInitCommand(paths, '--force --keep-key')}\`.`,
    });
  }
  return warnings;
}

/**
 * The facts of the certificate on disk, with a warning for everything that would keep a node from using it.
 * @throws MaculaError MACULA_NOT_FOUND if there is no pair, MACULA_CERTIFICATE_MISSING, MACULA_CERTIFICATE_UNREADABLE
 * or MACULA_CERTIFICATE_INVALID if there is no certificate to show
 */
export async function readCertificateInfo(paths: IdentityPaths, components: { readonly clock: Clock }): Promise<CertificateInfo> {
  const wallMs = components.clock.wallMs();
  const report = await examinePair(paths, wallMs);
  if (report === undefined) throw noPair(paths);
  const { certificate, keyMode, problems } = report;
  if (certificate === undefined) throw problems.find(({ code }) => code.startsWith('MACULA_CERTIFICATE_'))!;
  const daysLeft = Math.floor((certificate.notAfterMs - wallMs) / dayMs);
  return {
    nodeId: certificate.nodeId,
    subject: certificate.x509.subject.replaceAll('\n', ', '),
    algorithm: algorithmName(certificate),
    notBefore: new Date(certificate.notBeforeMs).toISOString(),
    notAfter: new Date(certificate.notAfterMs).toISOString(),
    daysLeft,
    fingerprintSha256: certificate.x509.fingerprint256.replaceAll(':', '').toLowerCase(),
    certPath: paths.certPath,
    keyPath: paths.keyPath,
    keyMode: keyMode === undefined ? null : `0${keyMode.toString(8).padStart(3, '0')}`,
    warnings: warningsOf(problems, daysLeft, paths),
  };
}
