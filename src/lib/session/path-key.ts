import { hkdfSync } from 'node:crypto';

/** Bytes of the path key and of each side's share of it. */
export const pathKeyBytes = 32;

/**
 * Key that authenticates path probes of one connection: HKDF-SHA256 (RFC 5869) over both sides' shares, which
 * travelled inside the connection. Either share being random is enough.
 * @param clientShare 32 bytes of CONNECT @param serverShare 32 bytes of ADMITTED
 */
export function derivePathKey(clientShare: Uint8Array, serverShare: Uint8Array): Uint8Array {
  const shares = Buffer.concat([clientShare, serverShare]);
  if (clientShare.length !== pathKeyBytes || serverShare.length !== pathKeyBytes) {
    throw new RangeError(`path key shares of ${clientShare.length} and ${serverShare.length} bytes instead of ${pathKeyBytes}`);
  }
  return new Uint8Array(hkdfSync('sha256', shares, Buffer.alloc(0), 'macula/1 path key', pathKeyBytes));
}
