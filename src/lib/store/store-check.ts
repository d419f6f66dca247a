import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { isEnvironmental } from './store-error.js';

/** What a look at a store's files found. `environment`: it could not be looked at; the bytes may be whole. */
export type StoreCondition = { kind: 'absent' } | { kind: 'whole' } | { kind: 'damaged'; reason: string } | { kind: 'environment'; errno: number; reason: string };

/** Under this key lies the number of the format everything else is written in. */
export const formatKey = 'meta/format';
export const formatVersion = 1;

/** A walk over a full store takes well under a second; only a loop in a damaged tree takes longer. */
const checkTimeoutMs = 30_000;

const crashSignals = new Set(['SIGSEGV', 'SIGBUS', 'SIGABRT', 'SIGILL', 'SIGFPE', 'SIGTRAP']);

/**
 * Runs in a process of its own: LMDB maps the file into memory and trusts it, so a damaged one ends the process
 * that opens it. Walks every entry, checks every checksum, compares with the count LMDB keeps, and unless it is to read
 * only, commits a write, which exercises the list of free pages.
 */
const walker = `
const [lmdbPath, directory, formatKey, format, readOnly] = process.argv.slice(1);
const { crc32 } = require('node:zlib');
const answer = (found) => { process.stdout.write(JSON.stringify(found)); process.exit(0); };
const damaged = (reason) => answer({ kind: 'damaged', reason });
try {
  const { open } = require(lmdbPath);
  const db = open(directory, { encoding: 'binary', overlappingSync: false, maxDbs: 1, readOnly: readOnly === 'true' });
  let entries = 0;
  let formatSeen;
  for (const { key, value } of db.getRange({ snapshot: true })) {
    entries++;
    if (typeof key !== 'string' || value.length < 4) damaged('an entry is malformed');
    const payload = value.subarray(4);
    if (value.readUInt32BE(0) !== crc32(payload, crc32(key))) damaged('a checksum does not match');
    if (key === formatKey) formatSeen = payload[0];
  }
  if (entries !== db.getStats().entryCount) damaged('entries are missing');
  if (entries > 0 && formatSeen !== Number(format)) damaged('the format is ' + formatSeen + ', this version writes ' + format);
  if (readOnly !== 'true') db.transactionSync(() => { const value = db.get(formatKey); if (value) db.put(formatKey, Buffer.from(value)); });
  answer({ kind: 'whole' });
} catch (error) {
  answer({ kind: 'error', errno: typeof error.code === 'number' ? error.code : undefined, reason: String(error.message) });
}
`;

/**
 * Looks at the store in `directory` without risk for this process. Nobody may have it open meanwhile.
 * @param options.readOnly whether to leave its data as it is
 */
export function checkStore(directory: string, options: { readOnly?: boolean } = {}): Promise<StoreCondition> {
  if (!existsSync(join(directory, 'data.mdb'))) return Promise.resolve({ kind: 'absent' });
  const lmdbPath = createRequire(import.meta.url).resolve('lmdb');
  const argv = ['-e', walker, '--', lmdbPath, directory, formatKey, String(formatVersion), String(options.readOnly === true)];
  // Options of this process (loaders, inspector ports, coverage) are not for the child.
  const env = { ...process.env, NODE_OPTIONS: '', NODE_V8_COVERAGE: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, argv, { timeout: checkTimeoutMs, killSignal: 'SIGKILL', env, windowsHide: true }, (error, stdout) => {
      resolve(error ? conditionOfCrash(error) : conditionOfAnswer(stdout));
    });
  });
}

function conditionOfAnswer(stdout: string): StoreCondition {
  let found: StoreCondition | { kind: 'error'; errno?: number; reason: string };
  try {
    found = JSON.parse(stdout) as typeof found;
  } catch {
    return { kind: 'environment', errno: 0, reason: 'the check gave no answer' };
  }
  if (found.kind !== 'error') return found;
  if (found.errno !== undefined && isEnvironmental(found.errno)) return { kind: 'environment', errno: found.errno, reason: found.reason };
  return { kind: 'damaged', reason: found.reason };
}

function conditionOfCrash(error: Error & { signal?: NodeJS.Signals | null; killed?: boolean; errno?: number; code?: unknown }): StoreCondition {
  if (error.killed) return { kind: 'damaged', reason: `reading it did not end within ${checkTimeoutMs} ms` };
  // On Windows a crash is an exit code (NTSTATUS) far beyond what Node.js itself exits with.
  const crashed = (error.signal && crashSignals.has(error.signal)) || (typeof error.code === 'number' && error.code > 255);
  if (crashed) return { kind: 'damaged', reason: `reading it crashes (${error.signal ?? error.code})` };
  return { kind: 'environment', errno: 0, reason: `the check could not run: ${error.message.split('\n', 1)[0]}` };
}
