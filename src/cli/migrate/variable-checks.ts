import { MaculaError } from '../../lib/base/errors.js';
import { loadSettings, type SettingProblem } from '../../lib/config/load-settings.js';
import { nearestName } from '../../lib/config/nearest-name.js';
import { isServiceLink, removedVariables, renamedVariables } from '../../lib/config/obsolete-variables.js';
import { environmentName, settings, type SettingName } from '../../lib/config/schema.js';
import { plainValue, type MigrationFinding, type MigrationSeverity, type NodeConfiguration } from './migration-finding.js';

/** A variable of v0.8 that this version does not read; too common a name, or too different a meaning, to be taken over silently. */
interface FormerVariable {
  readonly message: string;
  /** The setting that does its work now: then it must be renamed, unless that is set already. */
  readonly now?: SettingName;
  readonly change?: string;
}

const everyCapability = 'Every node has every capability.';
const noErlang = 'There is no Erlang behind Macula any more.';
const bootstrap = 'The nodes to join through have one name now.';

const formerVariables: Readonly<Record<string, FormerVariable>> = {
  MODE: { message: everyCapability },
  NODE_TYPE: { message: everyCapability },
  START_GATEWAY: { message: everyCapability },
  MACULA_START_GATEWAY: { message: everyCapability },
  NODE_ID: { message: 'A node\'s id follows from its key and cannot be set.', change: 'remove it; `macula cert show` prints the id' },
  NODE_HOST: { message: 'A node finds out its addresses.', change: 'remove it; behind port forwarding, set MACULA_ADVERTISE=IP:PORT' },
  NODE_NAME: { message: noErlang },
  ERLANG_COOKIE: { message: noErlang, change: 'remove it; to keep strangers out, set MACULA_REALM_SECRET' },
  RELEASE_COOKIE: { message: noErlang, change: 'remove it; to keep strangers out, set MACULA_REALM_SECRET' },
  COOKIE: { message: noErlang, change: 'remove it; to keep strangers out, set MACULA_REALM_SECRET' },
  REALM_ID: { message: 'The realm has one name now.', now: 'realm' },
  MACULA_GATEWAY_PORT: { message: 'The port has one name now.', now: 'quicPort' },
  REGISTRY_URL: { message: bootstrap, now: 'bootstrapUrl' },
  REGISTRY_ENDPOINT: { message: bootstrap, now: 'bootstrapUrl' },
  BOOTSTRAP_NODES: { message: bootstrap, now: 'bootstrapUrl' },
  MACULA_BOOTSTRAP_NODES: { message: bootstrap, now: 'bootstrapUrl' },
  HEALTH_PORT: { message: 'Health is served with the metrics, on 127.0.0.1 unless MACULA_METRICS_HOST says otherwise: /livez, /readyz, /health.', now: 'metricsPort' },
  BOOTSTRAP_HEALTH_INTERVAL: { message: 'Peers are watched without being told to.' },
  PROVIDER_MULTIPLIER: { message: 'It belonged to a test of v0.8.' },
};

/** Names that only mean Macula's where something else says that Macula is configured here. */
const commonNames = /^(MODE|COOKIE|HEALTH_PORT|REGISTRY_URL|REGISTRY_ENDPOINT|BOOTSTRAP_NODES|TLS_\w+|NODE_\w+|RELEASE_COOKIE|ERLANG_COOKIE)$/;

const renamedSetting = (name: string): SettingName | undefined => (Object.hasOwn(renamedVariables, name) ? renamedVariables[name] : undefined);
const formerVariable = (name: string): FormerVariable | undefined => (Object.hasOwn(formerVariables, name) ? formerVariables[name] : undefined);
const clientVariables = ['MACULA_CONFIG', 'MACULA_TIMEOUT'];
const knownVariables = new Set([...(Object.keys(settings) as SettingName[]).map(environmentName), ...clientVariables]);

/** Only what is Macula's of an environment that is everybody's. */
export function ownVariables(env: Readonly<Record<string, string | undefined>>): NodeConfiguration {
  const entries = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  const certain = entries.some(([name]) => /^(MACULA_|GATEWAY_PORT$|REALM_ID$)/.test(name));
  const isOwn = (name: string, value: string): boolean =>
    (name.startsWith('MACULA_') && !isServiceLink(name, value)) ||
    ((renamedSetting(name) !== undefined || formerVariable(name) !== undefined) && (certain || !commonNames.test(name)));
  return { service: null, variables: new Map(entries.filter(([name, value]) => isOwn(name, value)).map(([name, text]) => [name, { text, line: null }])), container: undefined };
}

/** Whether anything in it is of v0.8. */
export function isFormer({ variables }: NodeConfiguration): boolean {
  return [...variables.keys()].some((name) => renamedSetting(name) !== undefined || formerVariable(name) !== undefined || Object.hasOwn(removedVariables, name));
}

function finding(configuration: NodeConfiguration, subject: string, rest: Pick<MigrationFinding, 'code' | 'severity' | 'message' | 'change'>): MigrationFinding {
  return { service: configuration.service, line: configuration.variables.get(subject)?.line ?? null, subject, ...rest };
}

function renamed(configuration: NodeConfiguration, name: string, to: SettingName, severity: MigrationSeverity, message: string): MigrationFinding {
  const newName = environmentName(to);
  if (configuration.variables.has(newName)) {
    return finding(configuration, name, { code: 'renamed-variable', severity: 'recommended', message: `${message} It has no effect beside ${newName}.`, change: 'remove it' });
  }
  return finding(configuration, name, { code: 'renamed-variable', severity, message, change: `${newName}=${configuration.variables.get(name)!.text}` });
}

function variableFinding(configuration: NodeConfiguration, name: string): MigrationFinding | undefined {
  const setting = renamedSetting(name);
  if (setting !== undefined) return renamed(configuration, name, setting, 'recommended', `Now called ${environmentName(setting)}; the old name still works, with a warning.`);
  if (Object.hasOwn(removedVariables, name)) {
    return finding(configuration, name, { code: 'removed-variable', severity: 'recommended', message: `No effect any more: ${removedVariables[name]}.`, change: 'remove it' });
  }
  const former = formerVariable(name);
  if (former?.now !== undefined) return renamed(configuration, name, former.now, 'required', `${former.message} The old name is not read.`);
  if (former) return finding(configuration, name, { code: 'removed-variable', severity: 'recommended', message: `No effect any more. ${former.message}`, change: former.change ?? 'remove it' });
  if (!name.startsWith('MACULA_') || knownVariables.has(name)) return undefined;
  const meant = nearestName(name, [...knownVariables]);
  return finding(configuration, name, { code: 'unknown-variable', severity: 'recommended', message: 'No setting of Macula; it has no effect.', change: meant === undefined ? 'remove it' : `perhaps ${meant}` });
}

/** Values that a start would refuse. */
function invalidValues(configuration: NodeConfiguration): MigrationFinding[] {
  const env: Record<string, string> = {};
  for (const name of configuration.variables.keys()) {
    const value = plainValue(configuration, name);
    if (value !== undefined && !clientVariables.includes(name)) env[name] = value;
  }
  const readFile = (path: string): never => {
    throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' });
  };
  try {
    loadSettings({ flags: {}, env, cwd: '/', home: '', uid: 0, platform: 'linux', readFile });
    return [];
  } catch (error) {
    const problems = MaculaError.from(error).details.problems as readonly SettingProblem[] | undefined;
    if (problems === undefined) throw error;
    return problems.map((problem) => finding(configuration, problem.source, { code: 'invalid-value', severity: 'required', message: `${problem.message}.`, change: `write ${problem.instead}` }));
  }
}

/** What v0.8 did where nothing was said, and this version does not. */
function changedDefaults(configuration: NodeConfiguration): MigrationFinding[] {
  const isSet = (setting: SettingName): boolean =>
    [...configuration.variables.keys()].some((name) => name === environmentName(setting) || (renamedSetting(name) ?? formerVariable(name)?.now) === setting);
  const note = (setting: SettingName, message: string, change: string): MigrationFinding[] =>
    isSet(setting) ? [] : [finding(configuration, environmentName(setting), { code: 'default', severity: 'note', message, change })];
  return [
    ...note('quicPort', 'Not set: v0.8 then took port 9443, this version takes 4433.', 'MACULA_QUIC_PORT=9443 to keep the port, or open UDP port 4433'),
    ...note('realm', 'Not set: v0.8 then was in the realm com.example.realm, this version is in macula.', 'MACULA_REALM=NAME, the same on all nodes'),
    ...note('certPath', 'Not set: v0.8 then used /opt/macula/certs/cert.pem or /var/lib/macula/cert.pem, this version uses cert.pem in its data directory.', 'MACULA_CERT_PATH and MACULA_KEY_PATH, where the certificate is elsewhere'),
  ];
}

/** Findings about the variables of one node, in the order they stand in. */
export function checkVariables(configuration: NodeConfiguration): MigrationFinding[] {
  const found = [...configuration.variables.keys()].flatMap((name) => variableFinding(configuration, name) ?? []);
  return [...found, ...invalidValues(configuration), ...(isFormer(configuration) ? changedDefaults(configuration) : [])];
}
