import { resolve } from 'node:path';
import type { Settings } from '../lib/config/schema.js';

/** Where the certificate and key that a `cert` command is about are. */
export interface CertificatePaths {
  readonly paths: { readonly certPath: string; readonly keyPath: string };
  /** Algorithm a new key has unless a flag says otherwise. */
  readonly keyType: Settings['keyType'];
}

/**
 * Files of `directory` if one is given, otherwise those of a node started here.
 * @throws MaculaError MACULA_INVALID_CONFIG, MACULA_PERMISSION_DENIED
 */
export async function certificatePaths(directory: string | undefined, dataDir: string | undefined): Promise<CertificatePaths> {
  const [{ loadSettings }, { systemSources }] = await Promise.all([
    import('../lib/config/load-settings.js'),
    import('../lib/config/system-sources.js'),
  ]);
  const { settings } = loadSettings(systemSources({ ...(dataDir !== undefined && { 'data-dir': dataDir }) }));
  const { certPath, keyPath, keyType } = settings;
  if (directory === undefined) return { paths: { certPath, keyPath }, keyType };
  return { paths: { certPath: resolve(directory, 'cert.pem'), keyPath: resolve(directory, 'key.pem') }, keyType };
}
