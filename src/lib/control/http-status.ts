import type { ErrorCode } from '../base/error-catalogue.js';
import type { MaculaError } from '../base/errors.js';
import { ExitCode } from '../base/exit-codes.js';

const byExitCode: Readonly<Record<ExitCode, number>> = {
  [ExitCode.done]: 200,
  [ExitCode.unexpected]: 500,
  [ExitCode.usage]: 400,
  [ExitCode.noNode]: 503,
  [ExitCode.notFound]: 404,
  [ExitCode.timedOut]: 504,
  [ExitCode.refused]: 403,
  [ExitCode.remoteFailed]: 502,
  [ExitCode.partlyDone]: 500,
  [ExitCode.alreadySo]: 409,
  [ExitCode.interrupted]: 503,
};

const byCode: Partial<Record<ErrorCode, number>> = { MACULA_OVERLOADED: 503 };

/** The HTTP status an error travels with; clients go by its code. */
export function httpStatusOf(error: MaculaError): number {
  return byCode[error.code] ?? byExitCode[error.exitCode];
}
