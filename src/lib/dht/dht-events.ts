import type { NodeId } from '../identity/node-id.js';
import type { Contact } from './contact.js';
import type { DhtOperation, DhtResult } from './dht-operations.js';
import type { DhtReply, DhtRequest, RequestFailure } from './dht-requests.js';

/** All that happens to a DhtCore. */
export type DhtEvent =
  /**
   * Once, first. `contacts` are remembered from an earlier run, or of configured peers, none trusted yet; `stored` is
   * everything that effects `write` put under their keys in earlier runs.
   */
  | { readonly type: 'start'; readonly contacts: readonly Contact[]; readonly stored: Iterable<readonly [string, unknown]> }
  /** An authenticated session with the peer opened. */
  | { readonly type: 'peer-opened'; readonly contact: Contact }
  | { readonly type: 'peer-closed'; readonly nodeId: NodeId }
  /** A local caller wants something; `operationId` is the shell's own and comes back in the effect `finished`. */
  | { readonly type: 'operation'; readonly operationId: number; readonly operation: DhtOperation }
  /** The caller no longer waits: no `finished` follows. */
  | { readonly type: 'abort'; readonly operationId: number }
  /** An admitted peer asks; `replyTo` is the shell's own and comes back in the effect `reply`, exactly once. */
  | { readonly type: 'request-received'; readonly replyTo: number; readonly from: Contact; readonly request: DhtRequest }
  | { readonly type: 'reply-received'; readonly requestId: number; readonly reply: DhtReply }
  | { readonly type: 'request-failed'; readonly requestId: number; readonly failure: RequestFailure; readonly detail?: string }
  /** The effect `write` of that id is on disk. */
  | { readonly type: 'written'; readonly writeId: number }
  | { readonly type: 'write-failed'; readonly writeId: number };

/** All a DhtCore wants done. */
export type DhtEffect =
  /**
   * Send to the contact, dialling if need be; exactly one of `reply-received` and `request-failed` follows, at most
   * `timeoutMs` later. The core stops waiting earlier by itself and still takes the late answer.
   */
  | { readonly type: 'request'; readonly requestId: number; readonly contact: Contact; readonly request: DhtRequest; readonly timeoutMs: number }
  | { readonly type: 'reply'; readonly replyTo: number; readonly reply: DhtReply }
  /** Write under the key, durably; then report `written` or `write-failed`. Writes and removals keep their order. */
  | { readonly type: 'write'; readonly writeId: number; readonly key: string; readonly value: unknown }
  /** Remove what is under the key; nobody waits for it. */
  | { readonly type: 'remove'; readonly key: string }
  | { readonly type: 'finished'; readonly operationId: number; readonly result: DhtResult }
  /** The nodes closest to our own id, whose connections should be kept. */
  | { readonly type: 'keep-connected'; readonly nodeIds: readonly NodeId[] };
