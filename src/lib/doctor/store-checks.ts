import { shellQuote } from '../identity/identity-paths.js';
import type { StoreCondition } from '../store/store-check.js';
import { failure, ok, warning, type Check } from './check.js';

const id = 'store';

/** @param directory of the store, which no node has open */
export function judgeStore(directory: string, condition: StoreCondition): Check {
  switch (condition.kind) {
    case 'absent':
      return ok(id, 'there is no store yet; the first start makes one');
    case 'whole':
      return ok(id, 'every entry of the store can be read');
    case 'damaged':
      return failure(id, `the store is damaged (${condition.reason}): the next start moves it aside and begins with an empty one`, `Put a backup in the place of ${shellQuote(directory)}, or start the node and let the mesh fill a new one.`);
    case 'environment':
      return warning(id, `the store could not be read: ${condition.reason}`, 'Check free space and permissions of the data directory.');
  }
}

/** @param writable metric macula_store_writable; undefined where the node does not tell */
export function judgeRunningStore(writable: boolean | undefined): Check | undefined {
  if (writable === undefined) return undefined;
  if (writable) return ok(id, 'the store of the node takes writes');
  return failure(id, 'the store of the node does not take writes, so it confirms no records', 'Check free space and permissions of the data directory; the node goes on by itself once it can write.');
}
