import { basename, dirname, join, resolve } from 'node:path';

/** Where a node's certificate and private key are. */
export interface IdentityPaths {
  readonly certPath: string;
  readonly keyPath: string;
}

const certificateName = 'cert.pem';
const keyName = 'key.pem';

/** The pair's usual place in a directory: `cert.pem` and `key.pem`. */
export function identityPathsIn(directory: string): IdentityPaths {
  return { certPath: join(directory, certificateName), keyPath: join(directory, keyName) };
}

/** The command line that makes a certificate (and key) at these paths. @param flags without --dir */
export function certInitCommand(paths: IdentityPaths, flags: string): string {
  const [certPath, keyPath] = [resolve(paths.certPath), resolve(paths.keyPath)];
  const tail = flags === '' ? '' : ` ${flags}`;
  if (dirname(certPath) === dirname(keyPath) && basename(certPath) === certificateName && basename(keyPath) === keyName) {
    return `macula cert init --dir ${shellQuote(dirname(certPath))}${tail}`;
  }
  return `MACULA_CERT_PATH=${shellQuote(certPath)} MACULA_KEY_PATH=${shellQuote(keyPath)} macula cert init${tail}`;
}

/** The text as one word of a POSIX shell command, for commands that people are told to run. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
