import { constants } from 'node:os';
import { errnoOf, MaculaError } from '../base/errors.js';

const { EACCES, EPERM, EROFS, ENOSPC, EDQUOT, EIO, ENOMEM, EMFILE, ENFILE } = constants.errno;

const refused = new Set([EACCES, EPERM, EROFS]);
/** Failures of the system around the store: the data in it may well be whole. */
const environmental = new Set([...refused, ENOSPC, EDQUOT, EIO, ENOMEM, EMFILE, ENFILE]);

/** The number of a system or LMDB error: positive errno, negative LMDB code (lmdb.h), undefined if there is none. */
export function errorNumber(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  if (typeof error.code === 'number') return error.code;
  const name = errnoOf(error);
  return name === undefined ? undefined : constants.errno[name as keyof typeof constants.errno];
}

/** Whether the failure lies with permissions, space or hardware rather than with the bytes of the store. */
export function isEnvironmental(error: number | undefined): boolean {
  return error !== undefined && environmental.has(error);
}

/** MACULA_PERMISSION_DENIED or MACULA_STORE_FAILED, saying what was attempted on which path. */
export function storeError(what: string, path: string, cause: unknown): MaculaError {
  const number = errorNumber(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (number !== undefined && refused.has(number)) {
    return new MaculaError('MACULA_PERMISSION_DENIED', `${what} in ${path}: ${number === EROFS ? 'the file system is read-only' : 'permission denied'}`, { details: { path }, cause });
  }
  if (number === ENOSPC || number === EDQUOT) {
    return new MaculaError('MACULA_STORE_FAILED', `${what} in ${path}: no space left`, { details: { path }, hint: 'Free some space on the disk of the data directory.', cause });
  }
  return new MaculaError('MACULA_STORE_FAILED', `${what} in ${path}: ${reason}`, { details: { path }, cause });
}
