import { existsSync, statSync } from 'node:fs';
import { access, constants, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { open, type RootDatabase } from 'lmdb';
import type { Clock, Timer } from '../base/clock.js';
import { MaculaError } from '../base/errors.js';
import type { KeyValue } from '../base/key-value.js';
import type { Logger } from '../base/logger.js';
import { makePrivateDirectory } from '../base/make-directory.js';
import { GroupCommit } from './group-commit.js';
import { decodeRecord, encodeRecord } from './record-codec.js';
import { checkStore, formatKey, formatVersion } from './store-check.js';
import { storeError } from './store-error.js';

/** LMDB's keys end at 1,978 bytes with the smallest page; half of it leaves room for escapes. */
const maxKeyBytes = 900;

/** Size LMDB gives its lock file: a header and 126 readers. */
const lockFileBytes = 8272;

/** How often a store that did not take a write is probed until it does. */
const probeIntervalMs = 5000;
const probeKey = 'meta/probe';

const collectionName = /^[a-z][a-z0-9-]{0,31}$/;

/** The durable collections of a node. One process at a time may have a store open: hold the data directory's lock. */
export interface Store {
  /** Where a damaged store was moved when this one was opened; undefined if it was whole. */
  readonly setAside: string | undefined;
  /** The collection of that name; made by its first entry. Names are lower-case words with dashes, at most 32 characters; `meta` is taken. */
  collection<Value>(name: string): KeyValue<Value>;
  /** Why the store does not take writes at the moment; undefined while it does. */
  readonly writeFailure: MaculaError | undefined;
  /** Size of its data file now. */
  readonly fileBytes: number;
  /** Writes and flushes a probe as large as what last failed; why that failed, or undefined when the store can be written. */
  check(): Promise<MaculaError | undefined>;
  /** Waits for writes under way and closes. Idempotent. */
  close(): Promise<void>;
}

export interface StoreComponents {
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Opens the LMDB store in `directory`, making it if absent. A damaged one is moved to
 * `<directory>.damaged-<time>`, reported, and replaced by an empty one.
 * @throws MaculaError MACULA_PERMISSION_DENIED, MACULA_STORE_FAILED (no space, I/O error)
 */
export async function openStore(directory: string, components: StoreComponents): Promise<Store> {
  try {
    const setAside = await setAsideIfDamaged(directory, components);
    makePrivateDirectory(directory);
    // LMDB writes its lock file through mapped memory, where a full disk ends the process: room for it is taken before.
    await writeFile(join(directory, 'lock.mdb'), Buffer.alloc(lockFileBytes));
    const store = new LmdbStore(directory, setAside, components);
    await store.prepare();
    return store;
  } catch (error) {
    throw error instanceof MaculaError ? error : storeError('cannot open the store', directory, error);
  }
}

async function setAsideIfDamaged(directory: string, { clock, logger }: StoreComponents): Promise<string | undefined> {
  if (!existsSync(directory)) return undefined;
  const reason = statSync(directory).isDirectory() ? await damageOf(directory, logger) : 'it is no directory';
  if (reason === undefined) return undefined;
  const time = new Date(clock.wallMs()).toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  let target = `${directory}.damaged-${time}`;
  for (let copy = 2; existsSync(target); copy++) target = `${directory}.damaged-${time}-${copy}`;
  await rename(directory, target);
  logger.error('the store is damaged; moved it aside and starting with an empty one', { reason, setAside: target });
  return target;
}

async function damageOf(directory: string, logger: Logger): Promise<string | undefined> {
  await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  const data = join(directory, 'data.mdb');
  if (existsSync(data)) await access(data, constants.R_OK | constants.W_OK);
  // It holds only locks of processes that are gone; left behind damaged, it would keep LMDB from opening the data.
  await rm(join(directory, 'lock.mdb'), { force: true, recursive: true });
  const condition = await checkStore(directory);
  switch (condition.kind) {
    case 'absent':
    case 'whole':
      return undefined;
    case 'damaged':
      return condition.reason;
    case 'environment':
      if (condition.errno > 0) throw storeError('cannot open the store', directory, Object.assign(new Error(condition.reason), { code: condition.errno }));
      logger.warn('the store could not be checked before opening it', { reason: condition.reason });
      return undefined;
  }
}

class LmdbStore implements Store {
  readonly setAside: string | undefined;
  readonly #db: RootDatabase<Buffer, string>;
  readonly #commits: GroupCommit;
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** The largest write since the store last took one as large. */
  #failed: { readonly error: MaculaError; readonly bytes: number } | undefined;
  #probe: Timer | undefined;
  #closing: Promise<void> | undefined;

  constructor(directory: string, setAside: string | undefined, { logger, clock }: StoreComponents) {
    this.#directory = directory;
    this.setAside = setAside;
    this.#logger = logger;
    this.#clock = clock;
    this.#db = open<Buffer, string>(directory, {
      encoding: 'binary',
      maxDbs: 1,
      // A transaction then resolves after fdatasync of the data and a synchronous write of the meta page.
      overlappingSync: false,
      // With batching by turn, a failed commit also rejects a promise inside the library that nobody can catch.
      eventTurnBatching: false,
    });
    this.#commits = new GroupCommit((operations) => this.#db.transaction(operations));
  }

  /** Writes the format number into a new store. */
  async prepare(): Promise<void> {
    if (this.#db.get(formatKey) === undefined) await this.#write('cannot write the store', formatKey, formatVersion);
  }

  collection<Value>(name: string): KeyValue<Value> {
    if (!collectionName.test(name) || name === 'meta') throw new MaculaError('MACULA_UNEXPECTED', `not a name for a collection: ${JSON.stringify(name)}`);
    const prefix = `${name}/`;
    // '0' is the character after '/'.
    const end = `${name}0`;
    return {
      get: (key) => this.#read<Value>(prefix + key)?.value,
      put: async (key, value) => {
        await this.#write('cannot write', checkedKey(prefix + key), value);
      },
      remove: async (key) => {
        const whole = checkedKey(prefix + key);
        await this.#commit('cannot remove', 0, () => void this.#db.remove(whole));
      },
      entries: () => this.#entries<Value>(prefix, end),
    };
  }

  async check(): Promise<MaculaError | undefined> {
    try {
      await this.#write('cannot write', probeKey, Buffer.alloc(this.#failed?.bytes ?? 0));
      await this.#commit('cannot remove', 0, () => void this.#db.remove(probeKey));
      return undefined;
    } catch (error) {
      return MaculaError.from(error);
    }
  }

  get fileBytes(): number {
    return statSync(join(this.#directory, 'data.mdb'), { throwIfNoEntry: false })?.size ?? 0;
  }

  get writeFailure(): MaculaError | undefined {
    return this.#failed?.error;
  }

  close(): Promise<void> {
    this.#probe?.cancel();
    return (this.#closing ??= this.#commits.idle().then(() => this.#db.close()));
  }

  #write(what: string, key: string, value: unknown): Promise<void> {
    const record = encodeRecord(key, value);
    return this.#commit(what, record.length, () => void this.#db.put(key, record));
  }

  async #commit(what: string, bytes: number, operation: () => void): Promise<void> {
    if (this.#closing) throw new MaculaError('MACULA_STORE_FAILED', `${what} in ${this.#directory}: the store is closed`);
    try {
      await this.#commits.run(operation);
    } catch (error) {
      throw this.#noteFailure(storeError(what, this.#directory, await commitCause(error)), bytes);
    }
    if (this.#failed && bytes >= this.#failed.bytes) this.#noteRecovery();
  }

  #noteFailure(error: MaculaError, bytes: number): MaculaError {
    if (!this.#failed) this.#logger.error('the store does not take writes', { error: error.message });
    this.#failed = { error, bytes: Math.max(bytes, this.#failed?.bytes ?? 0) };
    if (this.#closing) return error;
    this.#probe?.cancel();
    // A disk may have room for something small while all that is larger fails, hence a probe of the same size.
    this.#probe = this.#clock.setTimer(probeIntervalMs, () => void this.check());
    return error;
  }

  #noteRecovery(): void {
    this.#failed = undefined;
    this.#probe?.cancel();
    this.#logger.info('the store takes writes again');
  }

  #read<Value>(key: string): { value: Value } | undefined {
    if (this.#closing) throw new MaculaError('MACULA_STORE_FAILED', `cannot read ${this.#directory}: the store is closed`);
    if (Buffer.byteLength(key) > maxKeyBytes) return undefined;
    const record = this.#db.getBinary(key);
    return record && this.#decode<Value>(key, record);
  }

  #decode<Value>(key: string, record: Buffer): { value: Value } | undefined {
    const decoded = decodeRecord(key, record);
    if (decoded.ok) return { value: decoded.value as Value };
    this.#logger.error('an entry of the store is damaged and left out', { key });
    return undefined;
  }

  *#entries<Value>(prefix: string, end: string): Generator<readonly [string, Value]> {
    const found = [...this.#db.getRange({ start: prefix, end, snapshot: true })];
    for (const { key, value } of found) {
      const decoded = this.#decode<Value>(key, value);
      if (decoded) yield [key.slice(prefix.length), decoded.value];
    }
  }
}

function checkedKey(key: string): string {
  if (Buffer.byteLength(key) <= maxKeyBytes) return key;
  throw new MaculaError('MACULA_STORE_FAILED', `a key of ${Buffer.byteLength(key)} bytes is too long for the store`, { details: { maxKeyBytes }, hint: 'Use a shorter key.' });
}

/** lmdb-js rejects each write of a failed commit with a wrapper; the reason is behind a promise in it. */
async function commitCause(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  return Promise.resolve(error.commitError).then(() => error, (cause: unknown) => cause);
}
