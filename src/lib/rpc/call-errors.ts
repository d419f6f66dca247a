import { MaculaError } from '../base/errors.js';
import type { NodeId } from '../identity/node-id.js';
import type { FailedReply } from '../wire/rpc-messages.js';
import type { AttemptVerdict } from './provider-state.js';
import { executedOf, statusName, statusOf } from './status.js';

/** The error of a procedure that ran and failed. */
export function failureOf({ status, message, details }: FailedReply): MaculaError {
  return new MaculaError('MACULA_CALL_FAILED', message === '' ? 'the procedure failed and did not say why' : message, { details: { ...details, status: statusName(status) } });
}

/** Nobody provides the procedure. */
export function noProviderError(procedure: string): MaculaError {
  return new MaculaError('MACULA_NO_PROVIDER', `nobody serves ${JSON.stringify(procedure)}`, { details: { procedure } });
}

/** Who provides the procedure could not be found out: whether anybody does is not known. */
export function nobodyAnsweredError(procedure: string, asked: number): MaculaError {
  return new MaculaError('MACULA_UNREACHABLE', `who serves ${JSON.stringify(procedure)} could not be found out: none of the nodes that were asked answered`, { details: { procedure, asked } });
}

/** This node has as many calls under way as it may; says when to come back. */
export function tooManyCallsError(limit: 'rpcMaxCalls' | 'rpcMaxCallsPerPeer', value: number): MaculaError {
  return new MaculaError('MACULA_OVERLOADED', 'too many calls are under way', { details: { limit, value, retryAfterMs: 100, executed: 'no' } });
}

/** The error a caller gets: the last attempt's, with its status, whether the call ran, and who was asked how often. */
export function callError(error: MaculaError, call: { procedure: string; timeoutMs: number }, provider: NodeId | undefined, attempts: number): MaculaError {
  const timedOut = error.code === 'MACULA_TIMED_OUT';
  const message = timedOut ? `${JSON.stringify(call.procedure)} was not answered within ${call.timeoutMs} ms` : error.message;
  const about = { procedure: call.procedure, status: statusOf(error), executed: executedOf(error), attempts, ...(provider === undefined ? {} : { provider }) };
  return new MaculaError(error.code, message, { hint: error.hint, details: { ...error.details, ...about }, cause: error });
}

/** What a failed attempt says about its provider. */
export function verdictOf(error: MaculaError): AttemptVerdict {
  switch (error.code) {
    case 'MACULA_CALL_FAILED':
      return statusOf(error) === 'UNAVAILABLE' ? 'failed' : 'good';
    case 'MACULA_OVERLOADED':
      return 'overloaded';
    case 'MACULA_ABORTED':
    case 'MACULA_INVALID_VALUE':
    case 'MACULA_NO_PROVIDER':
    case 'MACULA_CALL_REFUSED':
    case 'MACULA_PROCEDURE_STREAMS':
    case 'MACULA_VALUE_TOO_LARGE':
      return 'neutral';
    default:
      return 'failed';
  }
}

/** What a provider said about when to come back, milliseconds. */
export function retryAfterOf({ details }: MaculaError): number | undefined {
  const value = details['retryAfterMs'];
  return typeof value === 'number' && value >= 0 && value <= 60_000 ? value : undefined;
}

/** Arguments, or an answer, are larger than a side sends or takes. */
export function tooLargeError(bytes: number, limitBytes: number): MaculaError {
  return new MaculaError('MACULA_VALUE_TOO_LARGE', `a body of ${bytes} bytes is over the limit of ${limitBytes}`, { details: { bytes, limitBytes, setting: 'rpcMaxBodyBytes', executed: 'no' } });
}
