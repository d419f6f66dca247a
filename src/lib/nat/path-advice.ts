import type { PunchReport } from './punch-types.js';

export interface PathFacts {
  /** undefined: not connected. */
  readonly path: 'direct' | 'relay' | undefined;
  /** Whether this node punches at all. */
  readonly punches: boolean;
  /** The last attempt at a direct path, if any. */
  readonly last: Pick<PunchReport, 'outcome' | 'technique'> | undefined;
  /** Milliseconds until the next; undefined: none is planned. */
  readonly nextAttemptInMs: number | undefined;
}

const forward = 'Forward the UDP port of one of the two nodes in its router, or allow UPnP there, and they get one.';

/** Why packets to a peer take the way they do, and what to do about it, in a sentence or two. */
export function pathAdvice(facts: PathFacts): string {
  const { path, punches, last } = facts;
  if (path === undefined) return 'The two nodes are not connected. `macula peers list` shows what the last dial came to.';
  if (path === 'direct') return 'Packets go directly.';
  if (!punches) return 'Packets take a relay, and this node tries no direct path: MACULA_PUNCH is off.';
  if (!last) return 'Packets take a relay. No attempt at a direct path has come to its end yet.';
  const next = facts.nextAttemptInMs === undefined ? '' : ` The next attempt is in ${Math.ceil(facts.nextAttemptInMs / 1000)} s.`;
  return `Packets take a relay. ${adviceAfter(last)}${next}`;
}

function adviceAfter({ outcome, technique }: Pick<PunchReport, 'outcome' | 'technique'>): string {
  if (technique?.kind === 'relay') {
    return technique.reason === 'blocked'
      ? 'UDP does not get out on one of the two sides: allow it in the firewall there.'
      : `Both NATs choose ports that cannot be foreseen: no direct path can be punched. ${forward}`;
  }
  switch (outcome) {
    case 'direct':
      return 'There was a direct path, which stopped answering.';
    case 'failed':
      return `No probe of either side got an answer: a firewall may let UDP in from nowhere, or a NAT is stricter than it looked. ${forward}`;
    case 'unanswered':
      return 'The peer did not take part in the attempt: it may be of an older version, or busy.';
    case 'off':
      return 'The peer tries no direct path: MACULA_PUNCH is off there.';
    case 'busy':
    case 'rate-limited':
      return 'The peer had too many attempts under way.';
    case 'overtaken':
      return 'Another attempt took the place of the last one.';
    case 'unverified':
      return 'The peer\'s outer address is vouched for by nobody but itself, so it was not probed many times over.';
  }
}
