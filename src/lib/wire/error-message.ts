import { errorCatalogue, type ErrorCode } from '../base/error-catalogue.js';
import { MaculaError } from '../base/errors.js';
import { malformed, mapOf, textOf, truncateText, tupleOf } from './fields.js';
import { encodeBody } from './message-pack.js';

/** Most bytes of the code of an ERROR. */
export const maxErrorCodeBytes = 64;
/** Most bytes of the text of an ERROR. */
export const maxErrorMessageBytes = 1024;
/** Most bytes the details of an ERROR take when sent: an error answer must stay cheaper than a good one. */
export const maxErrorDetailsBytes = 2048;

/** Body of an ERROR reply. */
export interface ErrorMessage {
  /** A code of the catalogue, or one this version does not know. */
  readonly code: string;
  /** Supplied by the peer: escape it before printing. */
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

function sendableDetails(details: Record<string, unknown>): Record<string, unknown> {
  try {
    return encodeBody(details).length <= maxErrorDetailsBytes ? details : {};
  } catch {
    return {};
  }
}

/** Body of an ERROR reply: code, text cut to size, and the details unless they are large or cannot travel. */
export function errorBody(error: MaculaError): unknown {
  return [error.code, truncateText(error.message, maxErrorMessageBytes), sendableDetails(error.details)];
}

/** Reads the body of an ERROR reply. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function readError(body: unknown): ErrorMessage {
  const [code, message, details] = tupleOf('ERROR', body, 3);
  const name = textOf('ERROR', 'code', code, maxErrorCodeBytes);
  if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw malformed('ERROR', 'code is not a name in capitals');
  return { code: name, message: textOf('ERROR', 'message', message, maxErrorMessageBytes), details: mapOf('ERROR', details) };
}

/** The error that the body of an ERROR stands for; one whose code this version does not know is a remote error. @throws MaculaError MACULA_PROTOCOL_VIOLATION */
export function remoteError(body: unknown): MaculaError {
  const { code, message, details } = readError(body);
  if (Object.hasOwn(errorCatalogue, code)) return new MaculaError(code as ErrorCode, message, { details: { ...details } });
  return new MaculaError('MACULA_REMOTE_ERROR', `${code}: ${message}`, { details: { ...details, remoteCode: code } });
}
