import { posix, win32 } from 'node:path';
import { MaculaError } from '../base/errors.js';
import { absolutePath, configVariable, findLocations, inDataDir, readVariable, socketPathProblem, timeoutVariable } from './locations.js';
import type { ConfigSources, Locations, Origin } from './locations.js';
import { nearestName } from './nearest-name.js';
import { isServiceLink, removedVariables, renamedVariables } from './obsolete-variables.js';
import { environmentName, settings as schema, type SettingName, type Settings } from './schema.js';
import { checkSettings } from './setting-checks.js';
import type { Setting } from './setting.js';

/** A setting as `config show` prints it. */
export interface EffectiveSetting extends Origin {
  /** As it would be written; `(set)` for a secret. */
  readonly value: string;
}

export interface SettingsWarning {
  /** renamed-variable, removed-variable or unknown-variable. */
  readonly code: string;
  readonly message: string;
}

export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingName, EffectiveSetting>>;
  readonly warnings: readonly SettingsWarning[];
  readonly configFile: string | undefined;
}

/** One wrong setting, in the details of MACULA_INVALID_CONFIG under `problems`. */
export interface SettingProblem extends Origin {
  readonly setting: string;
  readonly value: string;
  readonly allowed: string;
  readonly instead: string;
  readonly message: string;
}

interface Written extends Origin {
  readonly raw: unknown;
}

const names = Object.keys(schema) as SettingName[];
const settingOf = (name: SettingName): Setting => schema[name] as Setting;

/**
 * Reads all settings: flags before environment before configuration file before defaults. An empty variable counts
 * as unset; paths come out absolute, with the directories of this user filled in.
 * @throws MaculaError MACULA_INVALID_CONFIG with every wrong value in its details, MACULA_PERMISSION_DENIED
 */
export function loadSettings(sources: ConfigSources): LoadedSettings {
  const locations = findLocations(sources);
  const written = new Map(names.map((name) => [name, writtenValue(sources, locations, name)]));
  const problems = unknownKeys(locations);
  const values: Record<string, unknown> = {};
  for (const name of names) {
    const { raw, ...origin } = written.get(name)!;
    const parsed = settingOf(name).schema.safeParse(raw);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(wrongType(name, raw, origin));
    values[name] ??= settingOf(name).default;
  }
  const settings = values as Settings;
  problems.push(...objections(sources, settings, written, new Set(problems.map((problem) => problem.setting))));
  if (problems.length > 0) throw invalidConfig(problems);
  return {
    settings,
    origins: Object.fromEntries(names.map((name) => [name, effective(name, settings[name], written.get(name)!)])) as Record<SettingName, EffectiveSetting>,
    warnings: [...obsoleteVariables(sources, written), ...unknownVariables(sources)],
    configFile: locations.configFile,
  };
}

function writtenValue(sources: ConfigSources, locations: Locations, name: SettingName): Written {
  if (name === 'dataDir' || name === 'socket') {
    const { path, ...origin } = locations[name];
    return { raw: path, ...origin };
  }
  const found = fromFlag(sources, name) ?? fromEnvironment(sources, name) ?? fromFile(locations, name);
  if (name === 'certPath' || name === 'keyPath') return certificateFile(sources, locations, name, found);
  return found ?? { raw: settingOf(name).default, origin: 'default', source: 'default' };
}

function fromFlag(sources: ConfigSources, name: SettingName): Written | undefined {
  const flag = settingOf(name).flag;
  const raw = flag === undefined ? undefined : sources.flags[flag];
  return raw === undefined ? undefined : { raw, origin: 'flag', source: raw === false ? `--no-${flag}` : `--${flag}` };
}

function fromEnvironment(sources: ConfigSources, name: SettingName): Written | undefined {
  const older = Object.keys(renamedVariables).filter((variable) => renamedVariables[variable] === name);
  for (const source of [environmentName(name), ...older]) {
    const raw = readVariable(sources, source);
    if (raw !== undefined) return { raw, origin: 'environment', source };
  }
  return undefined;
}

function fromFile({ configFile, fileValues }: Locations, name: SettingName): Written | undefined {
  if (configFile === undefined || !Object.hasOwn(fileValues, name)) return undefined;
  return { raw: fileValues[name], origin: 'file', source: configFile };
}

function certificateFile(sources: ConfigSources, locations: Locations, name: 'certPath' | 'keyPath', found: Written | undefined): Written {
  const file = name === 'certPath' ? 'cert.pem' : 'key.pem';
  if (found === undefined || found.raw === '') {
    return { raw: inDataDir(sources.platform, locations.dataDir.path, file), origin: 'default', source: 'default' };
  }
  if (typeof found.raw !== 'string') return found;
  const { dirname } = sources.platform === 'win32' ? win32 : posix;
  const base = found.origin === 'file' ? dirname(found.source) : sources.cwd;
  return { ...found, raw: absolutePath(sources, base, found.raw) };
}

function show(name: SettingName, value: unknown): string {
  const setting = settingOf(name);
  if (setting.secret) return value === '' ? '' : '(set)';
  return setting.format(value);
}

function effective(name: SettingName, value: unknown, { origin, source }: Origin): EffectiveSetting {
  return { value: show(name, value), origin, source };
}

function problem(name: SettingName, shown: string, { origin, source }: Origin, what: string, instead: string): SettingProblem {
  const message = `${name} (from ${source}) ${what}; write ${instead}`;
  return { setting: name, value: shown, origin, source, allowed: settingOf(name).shape, instead, message };
}

function wrongType(name: SettingName, raw: unknown, origin: Origin): SettingProblem {
  const setting = settingOf(name);
  const shown = setting.secret ? '(set)' : shorten(typeof raw === 'string' ? raw : JSON.stringify(raw));
  const what = `is ${setting.secret ? 'a secret' : JSON.stringify(shown)}, but takes: ${setting.shape}`;
  return problem(name, shown, origin, what, `for example ${setting.suggest(String(raw))}`);
}

function shorten(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function objections(sources: ConfigSources, settings: Settings, written: Map<SettingName, Written>, known: ReadonlySet<string>): SettingProblem[] {
  const found = checkSettings(settings, (name) => show(name, settings[name]));
  const socketProblem = socketPathProblem(sources.platform, settings.socket);
  if (socketProblem !== undefined) found.set('socket', { problem: `which ${socketProblem}`, instead: 'a shorter path with --socket or MACULA_SOCKET' });
  return [...found]
    .filter(([name]) => !known.has(name))
    .map(([name, objection]) => {
      const shown = show(name, settings[name]);
      const what = `is ${settingOf(name).secret ? 'a secret' : JSON.stringify(shorten(shown))}, ${objection.problem}`;
      return problem(name, shown, written.get(name)!, what, objection.instead);
    });
}

function unknownKeys({ configFile, fileValues }: Locations): SettingProblem[] {
  const unknown = Object.keys(fileValues).filter((key) => !Object.hasOwn(schema, key));
  return unknown.map((key) => {
    const meant = names.find((name) => environmentName(name) === key || settingOf(name).flag === key) ?? nearestName(key, names);
    const instead = meant ?? 'a name from docs/CONFIGURATION.md';
    const message = `${configFile} sets ${JSON.stringify(shorten(key))}, which is no setting; write ${instead}`;
    return { setting: key, value: '', origin: 'file', source: configFile!, allowed: 'the names in docs/CONFIGURATION.md', instead, message };
  });
}

function invalidConfig(problems: readonly SettingProblem[]): MaculaError {
  const messages = problems.map((each) => each.message);
  const message = messages.length === 1 ? messages[0]! : [`${messages.length} settings are wrong:`, ...messages.map((line) => `  ${line}`)].join('\n');
  return new MaculaError('MACULA_INVALID_CONFIG', message, {
    hint: 'docs/CONFIGURATION.md lists every setting with its range.',
    details: { problems },
  });
}

function obsoleteVariables(sources: ConfigSources, written: Map<SettingName, Written>): SettingsWarning[] {
  const warnings: SettingsWarning[] = [];
  for (const [variable, reason] of Object.entries(removedVariables)) {
    if (readVariable(sources, variable) === undefined) continue;
    warnings.push({ code: 'removed-variable', message: `${variable} has no effect any more: ${reason}. Remove it.` });
  }
  for (const [variable, name] of Object.entries(renamedVariables)) {
    if (readVariable(sources, variable) === undefined) continue;
    const winner = written.get(name)!.source;
    const outcome = winner === variable ? 'Its value is used' : `It is ignored because ${winner} is set`;
    warnings.push({ code: 'renamed-variable', message: `${variable} is now called ${environmentName(name)}. ${outcome}; rename it.` });
  }
  return warnings;
}

function unknownVariables(sources: ConfigSources): SettingsWarning[] {
  const known = [...names.map(environmentName), configVariable, timeoutVariable];
  const recognised = new Set([...known, ...Object.keys(renamedVariables), ...Object.keys(removedVariables)]);
  return Object.keys(sources.env)
    .filter((variable) => variable.startsWith('MACULA_') && !recognised.has(variable) && !isServiceLink(variable, sources.env[variable] ?? ''))
    .sort()
    .map((variable) => {
      const meant = nearestName(variable, known);
      return { code: 'unknown-variable', message: `${variable} is no setting of Macula and has no effect.${meant === undefined ? '' : ` Did you mean ${meant}?`}` };
    });
}
