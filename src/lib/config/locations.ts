import { createHash } from 'node:crypto';
import { posix, win32, type PlatformPath } from 'node:path';
import { errnoOf, MaculaError } from '../base/errors.js';

/**
 * Where the data directory, the configuration file and the control socket are. Client commands load this file
 * and not the schema: it imports nothing that costs start-up time.
 */

/** The outside world as settings are read from it. */
export interface ConfigSources {
  /** Parsed flags under their own names, without dashes (`data-dir`, `port`, …, and `config`). */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of flags and environment are relative to it. */
  readonly cwd: string;
  /** The user's home directory, empty if there is none. */
  readonly home: string;
  /** Numeric user id; undefined where the system has none (Windows). */
  readonly uid: number | undefined;
  readonly platform: NodeJS.Platform;
  /** Reads a text file; throws Node.js system errors. */
  readFile(path: string): string;
}

export type OriginKind = 'flag' | 'environment' | 'file' | 'default';

/** Where a value came from. */
export interface Origin {
  readonly origin: OriginKind;
  /** The flag (`--port`), the variable (`MACULA_QUIC_PORT`), the path of the file, or `default`. */
  readonly source: string;
}

export interface Location extends Origin {
  /** Absolute path, or the name of a named pipe. */
  readonly path: string;
}

export interface Locations {
  readonly dataDir: Location;
  readonly socket: Location;
  /** The configuration file read, if there is one. */
  readonly configFile: string | undefined;
  /** What is in it, unchecked except that it is a JSON object. */
  readonly fileValues: Readonly<Record<string, unknown>>;
}

/** Variables that are not settings of the node: where its configuration is, and how long clients wait for it. */
export const configVariable = 'MACULA_CONFIG';
export const timeoutVariable = 'MACULA_TIMEOUT';

const defaultOrigin: Origin = { origin: 'default', source: 'default' };

function pathsOf(platform: NodeJS.Platform): PlatformPath {
  return platform === 'win32' ? win32 : posix;
}

/** The variable's value; empty counts as unset. */
export function readVariable(sources: Pick<ConfigSources, 'env'>, name: string): string | undefined {
  const value = sources.env[name];
  return value === undefined || value === '' ? undefined : value;
}

/** An absolute path: `~/` is the home directory, anything else relative is relative to `base`. */
export function absolutePath(sources: ConfigSources, base: string, written: string): string {
  const paths = pathsOf(sources.platform);
  if (written === '~' || written.startsWith('~/')) return paths.join(sources.home, written.slice(1));
  return paths.resolve(base, written);
}

/** A file in the data directory. */
export function inDataDir(platform: NodeJS.Platform, dataDir: string, file: string): string {
  return pathsOf(platform).join(dataDir, file);
}

/** The file that holds the process id of the node that runs on a data directory. */
export function pidFileOf(platform: NodeJS.Platform, dataDir: string): string {
  return inDataDir(platform, dataDir, 'node.pid');
}

function defaultDataDir(sources: ConfigSources): string {
  const paths = pathsOf(sources.platform);
  if (sources.platform === 'win32') {
    const local = readVariable(sources, 'LOCALAPPDATA') ?? (sources.home && paths.join(sources.home, 'AppData', 'Local'));
    if (local) return paths.join(local, 'macula');
  } else {
    if (sources.uid === 0) return '/var/lib/macula';
    const xdg = readVariable(sources, 'XDG_DATA_HOME');
    // The XDG base directory specification has relative paths ignored.
    if (xdg !== undefined && paths.isAbsolute(xdg)) return paths.join(xdg, 'macula');
    if (sources.home) return paths.join(sources.home, '.local', 'share', 'macula');
  }
  throw new MaculaError('MACULA_INVALID_CONFIG', 'there is no home directory to keep the data directory in', {
    hint: 'Set MACULA_DATA_DIR or --data-dir.',
    details: { setting: 'dataDir' },
  });
}

function defaultSocket(platform: NodeJS.Platform, dataDir: string): string {
  if (platform !== 'win32') return inDataDir(platform, dataDir, 'control.sock');
  const name = createHash('sha256').update(dataDir.toLowerCase()).digest('hex').slice(0, 16);
  return `\\\\.\\pipe\\macula-${name}`;
}

/** Size of sockaddr_un.sun_path less the terminating zero: unix(7) for Linux, unix(4) for the BSDs and macOS. */
function longestSocketPath(platform: NodeJS.Platform): number {
  return platform === 'linux' ? 107 : 103;
}

/** What is wrong with a control socket's path, or undefined. */
export function socketPathProblem(platform: NodeJS.Platform, path: string): string | undefined {
  if (platform === 'win32') {
    return path.startsWith('\\\\.\\pipe\\') ? undefined : 'must be the name of a pipe, \\\\.\\pipe\\NAME';
  }
  const longest = longestSocketPath(platform);
  const bytes = Buffer.byteLength(path);
  return bytes <= longest ? undefined : `is ${bytes} bytes long; the system allows ${longest} for a socket's path`;
}

/** Reads the configuration file. One that is missing, or `optional` and unreadable, is an error only when somebody named it. */
function readConfigFile(sources: ConfigSources, path: string, named: Origin | undefined, optional = false): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = sources.readFile(path);
  } catch (error) {
    if (named === undefined && (errnoOf(error) === 'ENOENT' || (optional && errnoOf(error) === 'EACCES'))) return undefined;
    const code = errnoOf(error) === 'EACCES' ? 'MACULA_PERMISSION_DENIED' : 'MACULA_INVALID_CONFIG';
    const reason = errnoOf(error) === 'ENOENT' ? 'does not exist' : `cannot be read: ${MaculaError.from(error).message}`;
    throw new MaculaError(code, `the configuration file ${path} ${reason}`, {
      ...(named && { hint: `It was named by ${named.source}.` }),
      details: { path },
      cause: error,
    });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new MaculaError('MACULA_INVALID_CONFIG', `the configuration file ${path} is not JSON: ${MaculaError.from(error).message}`, {
      hint: 'Write one JSON object, for example { "quicPort": 4433 }.',
      details: { path },
    });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new MaculaError('MACULA_INVALID_CONFIG', `the configuration file ${path} is not a JSON object`, {
      hint: 'Write one JSON object, for example { "quicPort": 4433 }.',
      details: { path },
    });
  }
  return parsed as Record<string, unknown>;
}

function fromFlagOrVariable(sources: ConfigSources, flag: string, variable: string): Location | undefined {
  const given = sources.flags[flag];
  if (typeof given === 'string' && given !== '') {
    return { path: absolutePath(sources, sources.cwd, given), origin: 'flag', source: `--${flag}` };
  }
  const value = readVariable(sources, variable);
  return value === undefined ? undefined : { path: absolutePath(sources, sources.cwd, value), origin: 'environment', source: variable };
}

function fromFile(sources: ConfigSources, configFile: string | undefined, value: unknown): Location | undefined {
  if (configFile === undefined || typeof value !== 'string' || value === '') return undefined;
  const base = pathsOf(sources.platform).dirname(configFile);
  return { path: absolutePath(sources, base, value), origin: 'file', source: configFile };
}

/**
 * Finds data directory, configuration file and control socket: flags before environment before file before
 * defaults. The file is the one of `--config` or MACULA_CONFIG, otherwise `config.json` in the data directory.
 * @param optionalFile whether to do without that `config.json` where it may not be read
 * @throws MaculaError MACULA_INVALID_CONFIG, MACULA_PERMISSION_DENIED
 */
export function findLocations(sources: ConfigSources, optionalFile = false): Locations {
  const named = fromFlagOrVariable(sources, 'config', configVariable);
  const given = fromFlagOrVariable(sources, 'data-dir', 'MACULA_DATA_DIR');
  let fileValues = named && readConfigFile(sources, named.path, named);
  const dataDir = given ?? fromFile(sources, named?.path, fileValues?.dataDir) ?? { path: defaultDataDir(sources), ...defaultOrigin };
  let configFile = named?.path;
  if (configFile === undefined) {
    configFile = inDataDir(sources.platform, dataDir.path, 'config.json');
    fileValues = readConfigFile(sources, configFile, undefined, optionalFile);
    if (fileValues === undefined) configFile = undefined;
    else if (Object.hasOwn(fileValues, 'dataDir')) throw ownDataDirError(configFile);
  }
  const socket = fromFlagOrVariable(sources, 'socket', 'MACULA_SOCKET') ?? fromFile(sources, configFile, fileValues?.socket);
  return {
    dataDir,
    socket: socket ?? { path: defaultSocket(sources.platform, dataDir.path), ...defaultOrigin },
    configFile,
    fileValues: fileValues ?? {},
  };
}

function ownDataDirError(configFile: string): MaculaError {
  return new MaculaError('MACULA_INVALID_CONFIG', `${configFile} sets dataDir, but is itself found through the data directory`, {
    hint: 'Set MACULA_DATA_DIR, or name the file with --config.',
    details: { setting: 'dataDir', path: configFile },
  });
}
