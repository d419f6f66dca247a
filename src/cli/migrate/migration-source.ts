import { bytesOfValue, readFileValue, readValue } from '../value-argument.js';
import { readComposeFile } from './compose-file.js';
import { looksLikeEnvironmentFile, readEnvironmentFile } from './environment-file.js';
import type { NodeConfiguration } from './migration-finding.js';
import { ownVariables } from './variable-checks.js';

/** What `migrate check` looks at. */
export interface MigrationSource {
  readonly kind: 'environment' | 'environment-file' | 'compose-file';
  /** As given; null for the environment, `-` for stdin. */
  readonly path: string | null;
  /** What messages call it. */
  readonly name: string;
  readonly configurations: readonly NodeConfiguration[];
}

/**
 * Reads what the argument names: a file, `@file`, `-` for stdin, or where absent this process's environment. What a file is, its
 * name says (.yml, .yaml), otherwise its first line.
 * @throws MaculaError MACULA_USAGE, MACULA_PERMISSION_DENIED, MACULA_VALUE_TOO_LARGE, MACULA_INVALID_CONFIG, MACULA_NOT_FOUND
 */
export async function readMigrationSource(argument: string | undefined, env: NodeJS.ProcessEnv, stdin: () => AsyncIterable<Uint8Array>): Promise<MigrationSource> {
  if (argument === undefined) return { kind: 'environment', path: null, name: 'the environment', configurations: [ownVariables(env)] };
  const path = argument.replace(/^@/, '');
  const name = path === '-' ? 'stdin' : path;
  const bytes = path === '-' ? bytesOfValue(await readValue(path, stdin)) : await readFileValue(path, 'Check the path.');
  const text = bytes.toString('utf8');
  if (/\.ya?ml$/i.test(path) || !looksLikeEnvironmentFile(text)) return { kind: 'compose-file', path, name, configurations: readComposeFile(text, name) };
  return { kind: 'environment-file', path, name, configurations: [readEnvironmentFile(text, name)] };
}
