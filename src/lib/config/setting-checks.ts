import { canonicalHost, parseAddress } from '../base/address.js';
import type { SettingName, Settings } from './schema.js';

/** What is wrong with a value that has the right type, and what to write instead. */
export interface Objection {
  /** Goes on after the value: `which is empty`. */
  readonly problem: string;
  readonly instead: string;
}

/** Random bits a realm secret must be able to hold. */
const realmSecretBits = 128;

function bitsPerCharacter(secret: string): number {
  return /^[0-9a-f]+$/i.test(secret) ? 4 : 6;
}

function checkRealmSecret(secret: string): Objection | undefined {
  const instead = 'the output of `macula realm secret`, the same on every node of the realm';
  if (secret === '') return undefined;
  if (secret.length * bitsPerCharacter(secret) < realmSecretBits) {
    return { problem: `which is too short to hold ${realmSecretBits} random bits (32 hex digits, or 22 characters of base64)`, instead };
  }
  // 32 random hex digits show fewer than 8 different ones once in 25 million times.
  if (new Set(secret).size < 8) return { problem: 'which repeats too few different characters to be random', instead };
  return undefined;
}

function checkRealm(realm: string): Objection | undefined {
  if (realm === '') return { problem: 'which is empty', instead: 'the name of the mesh, or nothing at all for "macula"' };
  if (/\p{Cc}/u.test(realm)) return { problem: 'which has control characters in it', instead: 'a name of printable characters' };
  return undefined;
}

function checkHost(host: string): Objection | undefined {
  if (host === '' || canonicalHost(host) !== undefined) return undefined;
  return { problem: 'which is not an IP address', instead: 'an address of this machine, for example 127.0.0.1 or ::' };
}

function checkMetricsHost(host: string): Objection | undefined {
  return host === '' ? { problem: 'which is empty', instead: '127.0.0.1, or :: for all interfaces' } : checkHost(host);
}

function checkAdvertised(addresses: readonly string[]): Objection | undefined {
  const wrong = addresses.find((address) => parseAddress(address) === undefined);
  if (wrong === undefined) return undefined;
  return { problem: `where ${JSON.stringify(wrong)} is not an IP address and port`, instead: '192.0.2.1:4433 or [2001:db8::1]:4433' };
}

/** Only the shape; whoever dials reads the address in full. */
const nodeUrl = /^(https:\/\/|macula:\/\/[0-9a-f]{64}@)?[^\s/@?#]+\/?$/i;

function checkBootstrap(urls: readonly string[]): Objection | undefined {
  const wrong = urls.find((url) => !nodeUrl.test(url));
  if (wrong === undefined) return undefined;
  return { problem: `where ${JSON.stringify(wrong)} is not the address of a node`, instead: 'https://HOST:4433 or macula://NODE-ID@HOST:4433' };
}

/** The smaller of two settings must not exceed the other. */
const ordered: readonly [smaller: SettingName, larger: SettingName, why: string][] = [
  ['reconnectMinMs', 'reconnectMaxMs', 'the first pause cannot be longer than the longest'],
  ['keepaliveIntervalMs', 'idleTimeoutMs', 'connections would die between two keepalives'],
  ['streamWindowBytes', 'connectionWindowBytes', 'a stream gets no more than its connection has'],
];

/** Every objection to values that are of the right type each, by setting. */
export function checkSettings(settings: Settings, format: (name: SettingName) => string): Map<SettingName, Objection> {
  const objections = new Map<SettingName, Objection>();
  const note = (name: SettingName, objection: Objection | undefined): void => {
    if (objection) objections.set(name, objection);
  };
  note('realm', checkRealm(settings.realm));
  note('realmSecret', checkRealmSecret(settings.realmSecret));
  note('host', checkHost(settings.host));
  note('metricsHost', checkMetricsHost(settings.metricsHost));
  note('advertise', checkAdvertised(settings.advertise));
  note('bootstrapUrl', checkBootstrap(settings.bootstrapUrl));
  for (const [smaller, larger, why] of ordered) {
    if (settings[smaller] <= settings[larger]) continue;
    note(smaller, { problem: `which is more than ${larger}, which is ${format(larger)}: ${why}`, instead: `at most ${format(larger)}, or raise ${larger}` });
  }
  return objections;
}
