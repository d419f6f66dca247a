import { errorCatalogue } from '../lib/base/error-catalogue.js';
import { ExitCode } from '../lib/base/exit-codes.js';
import { MaculaError, type ErrorJson } from '../lib/base/errors.js';
import type { Output } from './output.js';
import { printable } from './text.js';
import { nearestName } from '../lib/config/nearest-name.js';

/** oclif's errors about the command line. */
interface ParseFailure extends Error {
  readonly oclif: { readonly exit?: number };
  readonly parse?: { readonly input?: { readonly flags?: Record<string, unknown> } };
  /** Flags nobody knows. */
  readonly flags?: readonly string[];
  /** Arguments that are missing, or of which there are too many. */
  readonly args?: readonly (string | { readonly name?: string })[];
}

function isParseFailure(error: unknown): error is ParseFailure {
  if (!(error instanceof Error) || !('oclif' in error)) return false;
  return (error as ParseFailure).oclif.exit === ExitCode.usage;
}

/** Undoes what oclif's parser does to the message of every error that a flag's own parse function throws. */
function withoutWrapping(message: string): string {
  return message.replace(/^Parsing --\S+ \n\t/, '').replace(/\nSee more help with --help$/, '');
}

/** oclif breaks its lists over several lines. */
function parseMessage(error: ParseFailure): string {
  const missing = error.args?.flatMap((arg) => (typeof arg === 'object' && arg.name !== undefined ? [arg.name] : [])) ?? [];
  // oclif's own message breaks the descriptions of the arguments anywhere.
  if (missing.length > 0) return `missing ${missing.length} required arg${missing.length === 1 ? '' : 's'}: ${missing.join(', ')}`;
  const text = withoutWrapping(error.message).replace(/^The following errors? occurred:\s*/, '');
  const lines = text.split('\n').map((line) => line.trim().replace(/\s+/g, ' ')).filter(Boolean);
  const sentence = lines.join('; ').replace(/:; /g, ': ');
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

function usageError(error: ParseFailure, command: string): MaculaError {
  const help = `Run \`macula ${command} --help\`.`;
  const unknown = Array.isArray(error.flags) ? error.flags : undefined;
  if (!unknown) return new MaculaError('MACULA_USAGE', parseMessage(error), { hint: help, details: { command } });
  const known = ['help', ...Object.keys(error.parse?.input?.flags ?? {})].map((name) => `--${name}`);
  const suggestion = nearestName(unknown[0]!, known);
  return new MaculaError('MACULA_USAGE', `unknown ${unknown.length === 1 ? 'flag' : 'flags'} ${unknown.join(', ')}`, {
    hint: suggestion === undefined ? help : `Did you mean ${suggestion}? ${help}`,
    details: { command, flags: unknown, ...(suggestion !== undefined && { suggestion }) },
  });
}

/** Errors of dist/lib are of a class of their own, as the command line is bundled apart from the library. */
function isForeignMaculaError(error: unknown): error is { toJSON(): ErrorJson; cause?: unknown } {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && Object.hasOwn(errorCatalogue, error.code) &&
    'toJSON' in error && typeof error.toJSON === 'function'
  );
}

/** Whatever a command threw as the MaculaError that is shown for it. @param command as written, `peers list` */
export function commandError(error: unknown, command: string): MaculaError {
  if (error instanceof MaculaError) {
    error.message = withoutWrapping(error.message);
    return error;
  }
  if (isForeignMaculaError(error)) return commandError(MaculaError.fromJSON(error.toJSON()), command);
  if (isParseFailure(error)) return usageError(error, command);
  return MaculaError.from(error);
}

/** A message may have several lines; those after the first are indented so that none passes for a line of ours. */
function lines(message: string): string {
  return message.split('\n').map(printable).join('\n    ');
}

/**
 * Shows an error: with --json one object on stdout, otherwise message, code and hint on stderr. The stack of an
 * unexpected one is shown with MACULA_LOG_LEVEL=debug.
 */
export function reportError(error: MaculaError, output: Output, env: NodeJS.ProcessEnv): void {
  if (output.json) output.object({ error: error.toJSON() });
  else {
    output.remark(`${output.styleRemark('red', 'Error:')} ${lines(error.message)} ${output.styleRemark('dim', `[${error.code}]`)}`);
    if (error.code !== 'MACULA_ABORTED') output.remark(`  → ${printable(error.hint)}`);
  }
  if (error.code === 'MACULA_UNEXPECTED' && ['debug', 'trace'].includes(env.MACULA_LOG_LEVEL ?? '')) {
    const cause = error.cause instanceof Error ? error.cause : error;
    output.remark(cause.stack ?? cause.message);
  }
}
