import type { NodeId } from '../identity/node-id.js';

/** One of two sessions with the same peer. */
export interface Contender {
  readonly dialledBy: NodeId;
  /** Clock.nowMs() of admission, on this node. */
  readonly sinceMs: number;
  /** The peer said that it uses another one. */
  readonly givenUpByPeer: boolean;
}

/**
 * What becomes of the session in use when another one with the same peer is admitted.
 * - replace: the new one is used; this node retires the old one.
 * - keep-if-alive: once the old one answers a ping, this node retires the new one; if it does not answer: replace.
 * - follow-if-alive: the old one stays in use as long as it answers; this node retires nothing and does what the
 *   peer decides. If it does not answer, the new one is used and the old one is left to time out.
 */
export type DuplicateVerdict = 'replace' | 'keep-if-alive' | 'follow-if-alive';

/**
 * Decides between two sessions with one peer. Of the two nodes only the one with the smaller id retires sessions
 * that are alive; the other follows. So both end with the same session whatever they saw first. The smaller one
 * applies: dialled from both sides within `windowMs` of one another, the session it dialled itself stays
 * (DESIGN §2); otherwise the newer stays, since a peer that restarted or moved dials anew while its old session is
 * dead but not yet timed out.
 * @param windowMs how far apart the admissions of two simultaneous dials can lie
 */
export function decideDuplicate(self: NodeId, peer: NodeId, current: Contender, incoming: Contender, windowMs: number): DuplicateVerdict {
  if (current.givenUpByPeer) return 'replace';
  if (self > peer) return 'follow-if-alive';
  const crossed = current.dialledBy !== incoming.dialledBy && Math.abs(incoming.sinceMs - current.sinceMs) <= windowMs;
  return crossed && current.dialledBy === self ? 'keep-if-alive' : 'replace';
}
