import { custom } from '@oclif/core/flags';
import type { OptionFlag } from '@oclif/core/interfaces';
import { MaculaError } from '../lib/base/errors.js';
import { formatDuration, parseDurationMs } from '../lib/base/units.js';

/** Longest time any command waits: a day, as long as one request to a node may take. */
const longestMs = 86_400_000;

/** A flag's description with the environment variable that does the same. */
export function described(about: string, variable?: string): string {
  return variable === undefined ? about : `${about} [env: ${variable}]`;
}

/** @param name the flag or variable, as it is written */
function readDuration(text: string, name: string): number {
  const milliseconds = parseDurationMs(text, name);
  if (milliseconds >= 1 && milliseconds <= longestMs) return milliseconds;
  throw new MaculaError('MACULA_USAGE', `${name} must be between 1ms and ${formatDuration(longestMs)}, not ${text}`);
}

/** A flag whose value is a duration; undefined where absent. */
export const duration = custom<number>({
  helpValue: '<duration>',
  parse: async (text, _context, flag) => readDuration(text, `--${flag.name}`),
});

/**
 * How long a command may wait: its flag, else MACULA_TIMEOUT, else its own default.
 * @throws MaculaError MACULA_USAGE
 */
export function timeoutOf(flag: number | undefined, env: NodeJS.ProcessEnv, defaultMs: number): number {
  if (flag !== undefined) return flag;
  const variable = env.MACULA_TIMEOUT;
  return variable === undefined || variable === '' ? defaultMs : readDuration(variable, 'MACULA_TIMEOUT');
}

/** The `--timeout` flag every command that waits has. */
export function timeoutFlag(about: string, defaultMs: number): OptionFlag<number | undefined> {
  return duration({ description: described(`${about}; ${formatDuration(defaultMs)} where absent`, 'MACULA_TIMEOUT') });
}
