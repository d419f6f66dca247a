import { MaculaError } from '../base/errors.js';
import type { Logger } from '../base/logger.js';
import type { NodeId } from '../identity/node-id.js';
import { failureBody } from '../wire/rpc-messages.js';
import { RpcStatus, statusOf } from './status.js';

/** What a caller may know of a procedure's failure, as the body of a REPLY: errors of the catalogue travel, bugs are logged here. */
export function failureReply(logger: Logger, run: { readonly procedure: string; readonly caller: NodeId }, error: unknown): unknown {
  if (error instanceof MaculaError && error.code !== 'MACULA_UNEXPECTED') {
    const { status: _, ...details } = error.details;
    return failureBody(RpcStatus[statusOf(error)], error.message, error.code === 'MACULA_CALL_FAILED' ? details : { ...details, code: error.code });
  }
  logger.error('a procedure failed', { procedure: run.procedure, caller: run.caller, error: error instanceof Error ? error.stack : String(error) });
  return failureBody(RpcStatus.UNKNOWN, 'the procedure failed for a reason of its own', {});
}
