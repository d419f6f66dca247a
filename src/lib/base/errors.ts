import { errorCatalogue, type ErrorCode } from './error-catalogue.js';
import type { ExitCode } from './exit-codes.js';

export interface MaculaErrorOptions {
  /** Facts a program can use, JSON-serialisable. */
  details?: Record<string, unknown>;
  /** What to do about it; the catalogue's hint where absent. */
  hint?: string;
  cause?: unknown;
}

/** The one error class of Macula; `code` tells errors apart and is part of the contract. */
export class MaculaError extends Error {
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: MaculaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MaculaError';
    this.code = code;
    this.details = options.details ?? {};
    this.hint = options.hint ?? errorCatalogue[code].hint;
    this.exitCode = errorCatalogue[code].exitCode;
    this.retryable = errorCatalogue[code].retryable;
  }

  /** The error as it travels over the control socket and stands in `--json` output. */
  toJSON(): ErrorJson {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }

  /** The inverse of {@link toJSON}; a code this version does not know becomes MACULA_UNEXPECTED. */
  static fromJSON(json: ErrorJson): MaculaError {
    const known = Object.hasOwn(errorCatalogue, json.code);
    const code = known ? (json.code as ErrorCode) : 'MACULA_UNEXPECTED';
    const message = known ? json.message : `${json.code}: ${json.message}`;
    return new MaculaError(code, message, { hint: json.hint, details: json.details });
  }

  /** The given error itself if it is one of ours, otherwise wrapped as MACULA_UNEXPECTED. */
  static from(error: unknown): MaculaError {
    if (error instanceof MaculaError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new MaculaError('MACULA_UNEXPECTED', message, { cause: error });
  }
}

export interface ErrorJson {
  code: string;
  message: string;
  hint: string;
  details: Record<string, unknown>;
}

/** The errno name (`ENOENT`, …) of a Node.js system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (error instanceof MaculaError) return undefined;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}
