import { createHash, X509Certificate } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { MaculaError } from '../base/errors.js';
import { DerError, DerReader, DerTag, splitCertificate } from './der.js';
import type { KeyType, PeerIdentity } from './identity.js';
import { nodeIdOf, type NodeId } from './node-id.js';
import { readPublicKeyInfo } from './public-key-info.js';

/** Largest certificate taken, in bytes: one for RSA-4096 with a few names has 1.5 KiB. */
export const maxCertificateBytes = 8192;

/** A certificate that meets every rule except, perhaps, its validity. */
export interface InspectedCertificate {
  readonly nodeId: NodeId;
  readonly keyType: KeyType;
  /** Size of an RSA modulus in bits; 256 for the curves. */
  readonly keyBits: number;
  /** Milliseconds since the Unix epoch, first and last moment of validity. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly x509: X509Certificate;
}

/** What is kept of a certificate that met every rule. */
type CertificateFacts = Pick<InspectedCertificate, 'nodeId' | 'keyType' | 'notBeforeMs' | 'notAfterMs'>;

const hex = (text: string): string => text.replaceAll(' ', '');
/** AlgorithmIdentifiers of signatures with SHA-256, -384 and -512: RFC 8410 §3, RFC 5758 §3.2, RFC 4055 §5. */
const signatureAlgorithms: Readonly<Record<KeyType, readonly string[]>> = {
  ed25519: [hex('3005 06032b6570')],
  'ecdsa-p256': ['02', '03', '04'].map((last) => hex(`300a 06082a8648ce3d0403${last}`)),
  'rsa-2048': ['0b', '0c', '0d'].map((last) => hex(`300d 06092a864886f70d0101${last} 0500`)),
};

function invalid(rule: string, cause?: unknown): MaculaError {
  return new MaculaError('MACULA_CERTIFICATE_INVALID', `The certificate is refused: ${rule}.`, { details: { rule }, cause });
}

/** Bit 0 of the bit string, behind the octet that counts unused bits. */
function allowsDigitalSignature(keyUsage: Uint8Array): boolean {
  return ((new DerReader(keyUsage).readLast(DerTag.bitString).content[1] ?? 0) & 0x80) !== 0;
}

function checkSize(der: Uint8Array): void {
  if (der.length > maxCertificateBytes) throw invalid(`it is larger than ${maxCertificateBytes} bytes`);
}

function inspectUnguarded(der: Uint8Array): InspectedCertificate {
  const { publicKeyInfo, signatureAlgorithm, keyUsage } = splitCertificate(der);
  const { keyType, bits, subjectPublicKey } = readPublicKeyInfo(publicKeyInfo);
  if (!signatureAlgorithms[keyType].includes(Buffer.from(signatureAlgorithm).toString('hex'))) {
    throw invalid('its signature algorithm is not allowed for its key');
  }
  if (keyUsage !== undefined && !allowsDigitalSignature(keyUsage)) throw invalid('its key usage does not include digitalSignature, without which TLS refuses it');
  const x509 = new X509Certificate(der);
  if (!x509.verify(x509.publicKey)) throw invalid('it is not signed with its own key');
  const notBeforeMs = Date.parse(x509.validFrom);
  const notAfterMs = Date.parse(x509.validTo);
  if (!Number.isFinite(notBeforeMs) || !Number.isFinite(notAfterMs)) throw invalid('its validity is malformed');
  return { nodeId: nodeIdOf(subjectPublicKey), keyType, keyBits: bits, notBeforeMs, notAfterMs, x509 };
}

/**
 * Reads a DER certificate and checks every rule but validity: size, strict encoding with nothing after it, allowed
 * key, signature algorithm and key usage, signed with its own key. Safe on any bytes.
 * @throws MaculaError MACULA_CERTIFICATE_INVALID with the rule in message and details
 */
export function inspectCertificate(der: Uint8Array): InspectedCertificate {
  checkSize(der);
  try {
    return inspectUnguarded(der);
  } catch (error) {
    if (error instanceof MaculaError) throw error;
    if (error instanceof DerError) throw invalid(error.message);
    throw invalid('it cannot be parsed', error);
  }
}

/** @param wallMs Clock.wallMs() @throws MaculaError MACULA_CERTIFICATE_EXPIRED unless it is valid at that moment */
export function checkValidity(certificate: Pick<InspectedCertificate, 'notBeforeMs' | 'notAfterMs'>, wallMs: number): void {
  const { notBeforeMs, notAfterMs } = certificate;
  if (wallMs >= notBeforeMs && wallMs <= notAfterMs) return;
  const [notBefore, notAfter, now] = [notBeforeMs, notAfterMs, wallMs].map((ms) => new Date(ms).toISOString());
  const problem = wallMs < notBeforeMs ? `not valid before ${notBefore}` : `expired since ${notAfter}`;
  throw new MaculaError('MACULA_CERTIFICATE_EXPIRED', `The certificate is ${problem}; the clock here says ${now}.`, {
    details: { notBefore, notAfter, now },
  });
}

/**
 * The identity that a peer's certificate chain proves, checked on every handshake on both sides (the handshake
 * itself proves possession of the key). Safe on any bytes; takes about 0.4 ms.
 * @param chain DER, leaf first @param wallMs Clock.wallMs()
 * @throws MaculaError MACULA_CERTIFICATE_INVALID, MACULA_CERTIFICATE_EXPIRED, naming the rule that failed
 */
export function verifyPeerChain(chain: readonly Uint8Array[], wallMs: number): PeerIdentity {
  return identityOf(chain, wallMs, inspectCertificate);
}

/**
 * {@link verifyPeerChain} for a node that meets the same peers again and again: what was found of a certificate that met every rule is kept under
 * its SHA-256, which takes 0.01 ms to look up. Its validity is checked each time; one that is refused is looked at anew.
 * @param maxRemembered certificates remembered, those met last
 */
export function rememberingVerifier(maxRemembered: number): (chain: readonly Uint8Array[], wallMs: number) => PeerIdentity {
  const remembered = new LRUCache<string, CertificateFacts>({ max: maxRemembered });
  const inspect = (der: Uint8Array): CertificateFacts => {
    checkSize(der);
    const fingerprint = createHash('sha256').update(der).digest('base64');
    const known = remembered.get(fingerprint);
    if (known) return known;
    const { nodeId, keyType, notBeforeMs, notAfterMs } = inspectCertificate(der);
    const facts = { nodeId, keyType, notBeforeMs, notAfterMs };
    remembered.set(fingerprint, facts);
    return facts;
  };
  return (chain, wallMs) => identityOf(chain, wallMs, inspect);
}

function identityOf(chain: readonly Uint8Array[], wallMs: number, inspect: (der: Uint8Array) => CertificateFacts): PeerIdentity {
  const [der] = chain;
  if (der === undefined) throw invalid('there is none');
  if (chain.length !== 1) throw invalid(`exactly one is expected, but ${chain.length} were sent`);
  const facts = inspect(der);
  checkValidity(facts, wallMs);
  return { nodeId: facts.nodeId, keyType: facts.keyType, certificateDer: der };
}
