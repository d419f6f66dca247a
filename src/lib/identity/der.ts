/** One DER element; `content` and `encoding` are views of the bytes it was read from. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  /** Tag, length and content. */
  readonly encoding: Uint8Array;
}

export const DerTag = { integer: 0x02, bitString: 0x03, octetString: 0x04, objectIdentifier: 0x06, sequence: 0x30, version: 0xa0, extensions: 0xa3 } as const;

/** The bytes are not what was to be read; never leaves this room. */
export class DerError extends Error {}

/** Length octets of DER (X.690 §10.1): definite, in the fewest octets. At most 65535 bytes are taken. */
function readLength(bytes: Uint8Array, offset: number): { length: number; start: number } {
  const first = bytes[offset];
  if (first === undefined) throw new DerError('it ends within an element');
  if (first < 0x80) return { length: first, start: offset + 1 };
  const octets = first & 0x7f;
  if (octets < 1 || octets > 2) throw new DerError('an element has an indefinite or excessive length');
  let length = 0;
  for (let index = 1; index <= octets; index += 1) length = length * 256 + (bytes[offset + index] ?? 0);
  if (length < (octets === 1 ? 0x80 : 0x100)) throw new DerError('a length is not in its shortest form');
  return { length, start: offset + 1 + octets };
}

/** Reads elements one after another. Every method throws {@link DerError} on anything unexpected. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** Tag of the next element, undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The next element, which must have this tag. */
  read(tag: number): DerElement {
    if (this.nextTag !== tag) throw new DerError('an element is missing or of another type');
    const { length, start } = readLength(this.#bytes, this.#offset + 1);
    const end = start + length;
    if (end > this.#bytes.length) throw new DerError('it ends within an element');
    const element = { tag, content: this.#bytes.subarray(start, end), encoding: this.#bytes.subarray(this.#offset, end) };
    this.#offset = end;
    return element;
  }

  /** The next element, with which the bytes must end. */
  readLast(tag: number): DerElement {
    const element = this.read(tag);
    if (!this.atEnd) throw new DerError('bytes follow its end');
    return element;
  }
}

/** The parts of a certificate that its rules look at (RFC 5280 §4.1). */
export interface CertificateParts {
  /** AlgorithmIdentifier of the signature. */
  readonly signatureAlgorithm: Uint8Array;
  /** SubjectPublicKeyInfo, as encoded in the certificate. */
  readonly publicKeyInfo: Uint8Array;
  /** Value of the keyUsage extension, a DER bit string; undefined if there is none. */
  readonly keyUsage: Uint8Array | undefined;
}

/** OBJECT IDENTIFIER 2.5.29.15, id-ce-keyUsage (RFC 5280 §4.2.1.3). */
const keyUsageIdentifier = Buffer.from('551d0f', 'hex');

/** @param signed stands behind the public key, before the optional unique ids and extensions */
function findKeyUsage(signed: DerReader): Uint8Array | undefined {
  while (!signed.atEnd && signed.nextTag !== DerTag.extensions) signed.read(signed.nextTag!);
  if (signed.atEnd) return undefined;
  const extensions = new DerReader(new DerReader(signed.readLast(DerTag.extensions).content).readLast(DerTag.sequence).content);
  while (!extensions.atEnd) {
    const extension = new DerReader(extensions.read(DerTag.sequence).content);
    const identifier = extension.read(DerTag.objectIdentifier).content;
    if (Buffer.compare(identifier, keyUsageIdentifier) !== 0) continue;
    if (extension.nextTag !== DerTag.octetString) extension.read(extension.nextTag ?? DerTag.octetString); // whether critical
    return extension.readLast(DerTag.octetString).content;
  }
  return undefined;
}

/** Splits a DER certificate without judging its contents. @throws DerError */
export function splitCertificate(der: Uint8Array): CertificateParts {
  const certificate = new DerReader(new DerReader(der).readLast(DerTag.sequence).content);
  const signed = new DerReader(certificate.read(DerTag.sequence).content);
  const signatureAlgorithm = certificate.read(DerTag.sequence).encoding;
  certificate.readLast(DerTag.bitString);
  if (signed.nextTag === DerTag.version) signed.read(DerTag.version);
  signed.read(DerTag.integer); // serial number
  signed.read(DerTag.sequence); // signature algorithm
  signed.read(DerTag.sequence); // issuer
  signed.read(DerTag.sequence); // validity
  signed.read(DerTag.sequence); // subject
  const publicKeyInfo = signed.read(DerTag.sequence).encoding;
  return { signatureAlgorithm, publicKeyInfo, keyUsage: findKeyUsage(signed) };
}
