import type { SettingName } from './schema.js';

/** Variables of Macula v0.8 under another name now; the old name works while the new one is not set. */
export const renamedVariables: Readonly<Record<string, SettingName>> = {
  GATEWAY_PORT: 'quicPort',
  MACULA_GATEWAY_URL: 'bootstrapUrl',
  MACULA_BOOTSTRAP_PEERS: 'bootstrapUrl',
  TLS_CERT_FILE: 'certPath',
  TLS_KEY_FILE: 'keyPath',
};

/** Variables of Macula v0.8 that mean nothing any more, with the reason. */
export const removedVariables: Readonly<Record<string, string>> = {
  MACULA_MODE: 'every node has every capability',
};

/**
 * Whether a variable comes from Kubernetes, which sets some for every service (`MACULA_SERVICE_HOST`,
 * `MACULA_PORT=udp://…`) in every container next to one named macula.
 */
export function isServiceLink(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP)/.test(name) || /^(tcp|udp):\/\//.test(value);
}
