import type { Contact } from './contact.js';
import type { SignedRecord } from './record.js';

/** What one node asks another. Keys and targets are 32 bytes. */
export type DhtRequest =
  /** The contacts closest to the target. */
  | { readonly type: 'find-node'; readonly target: Uint8Array }
  /** The record under the key and the contacts closest to it. */
  | { readonly type: 'find-value'; readonly key: Uint8Array }
  /** Up to `limit` provider records under the key, leaving out the first `offset`, and the closest contacts. */
  | { readonly type: 'find-providers'; readonly key: Uint8Array; readonly offset: number; readonly limit: number }
  /** Keep this record. With `expectedSequence` only over a record of exactly that sequence; 0: only where there is none. */
  | { readonly type: 'store'; readonly record: SignedRecord; readonly expectedSequence: number | undefined };

/** What a replica says to a STORE. */
export type StoreAnswer =
  | { readonly type: 'stored' }
  /** It holds a newer record, which comes along. */
  | { readonly type: 'newer'; readonly record: SignedRecord }
  | { readonly type: 'refused'; readonly reason: string };

export type DhtReply =
  | { readonly type: 'contacts'; readonly contacts: readonly Contact[] }
  | {
      readonly type: 'records';
      readonly records: readonly SignedRecord[];
      /** How many there are in all, beyond this page. */
      readonly total: number;
      readonly contacts: readonly Contact[];
    }
  | StoreAnswer;

/** Why a request to a peer brought no answer. `unsent`: it certainly never reached the peer. */
export type RequestFailure = 'timed-out' | 'unreachable' | 'closed' | 'malformed' | 'overloaded' | 'unsent' | 'error';
