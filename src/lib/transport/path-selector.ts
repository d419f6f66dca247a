export type PathKind = 'direct' | 'relay';

/** What path choice looks at. */
export interface PathView {
  readonly key: string;
  readonly kind: PathKind;
  /** Only a usable path, one that answered an authenticated probe, is ever switched to. */
  readonly state: 'candidate' | 'usable' | 'failed';
  readonly rttMs: number | undefined;
  /** Clock.nowMs() of the last packet or probe answer on it. */
  readonly lastSeenMs: number | undefined;
  /** A packet went out on it since: something is to come back. */
  readonly waiting: boolean;
  /** Probes in a row that timed out on it. */
  readonly unanswered: number;
  /**
   * The peer's packets come from here now, it answered a probe since they do, and the selected path did not.
   */
  readonly peerMoved: boolean;
  /** It was compared with the selected path and is clearly faster (PathDuel). */
  readonly provenFaster: boolean;
  /** It may be dead soon: one that is not is preferred to it. */
  readonly aging: boolean;
}

export type PathReason =
  /** The selected path is good. */
  | 'keep'
  /** Nothing better than the selected path is known. */
  | 'only-path'
  /** The selected path may be dead: packets go to a second one, too. */
  | 'in-doubt'
  /** Nothing was heard on the selected path for long, and nothing was to come: what is sent next goes to a second one, too. */
  | 'at-rest'
  /** From a relay to a direct path. */
  | 'upgrade'
  | 'peer-moved'
  /** From a direct path that may be dead soon to a newer one. */
  | 'renewed'
  /** Clearly lower round-trip time. */
  | 'faster'
  /** The selected path does not answer, another does. */
  | 'silent'
  /** The selected path was given up. */
  | 'failed';

export interface PathChoice {
  /** The path packets take. */
  readonly key: string;
  /** A second path that gets a copy of each packet while in doubt. */
  readonly alsoTo: string | undefined;
  readonly reason: PathReason;
}

/** How long an answer is trusted: a busy path is asked after 3 s of silence, which leaves two tries; another path then carries packets within 5 s. */
export const pathTrustMs = 4500;
/** One lost probe is doubt, two in a row are enough to prefer a path of the same kind that answers. */
const silentAfter = 2;

/** When a path that was last heard then stops being trusted; undefined lastSeenMs: it is not judged by time. */
export function trustedUntilMs(path: Pick<PathView, 'lastSeenMs'>): number {
  return path.lastSeenMs === undefined ? Number.POSITIVE_INFINITY : path.lastSeenMs + pathTrustMs;
}

/**
 * Chooses the path of a connection. Relay to direct at once; between paths of one kind only when clearly faster,
 * newer than one that may be dead soon, when the peer moved, or when the selected one is silent; to the relay when the direct path goes quiet, sending on both
 * while in doubt.
 * @param current key of the selected path
 * @param nowMs Clock.nowMs()
 */
export function selectPath(paths: readonly PathView[], current: string, nowMs: number): PathChoice {
  const selected = paths.find((path) => path.key === current);
  const others = paths.filter((path) => path.key !== current && path.state === 'usable').sort((a, b) => rank(a, b, nowMs));
  const best = others[0];
  if (!best) return { key: current, alsoTo: undefined, reason: 'only-path' };
  if (!selected || selected.state === 'failed') {
    const second = isFresh(best, nowMs) ? undefined : others[1]?.key;
    return { key: best.key, alsoTo: second, reason: 'failed' };
  }
  if (selected.kind === 'relay' && best.kind === 'direct' && isFresh(best, nowMs)) return { key: best.key, alsoTo: undefined, reason: 'upgrade' };
  const sameKind = others.filter((path) => path.kind === selected.kind);
  const moved = sameKind.find((path) => path.peerMoved);
  if (moved) return { key: moved.key, alsoTo: undefined, reason: 'peer-moved' };
  const newer = selected.aging ? sameKind.find((path) => !path.aging && isFresh(path, nowMs)) : undefined;
  if (newer) return { key: newer.key, alsoTo: undefined, reason: 'renewed' };
  if (isInDoubt(selected, nowMs)) return whileInDoubt(selected, wayOut(selected, others, nowMs), nowMs);
  const faster = sameKind.find((path) => !path.aging && path.provenFaster && isFresh(path, nowMs));
  if (faster) return { key: faster.key, alsoTo: undefined, reason: 'faster' };
  return { key: current, alsoTo: undefined, reason: 'keep' };
}

/** The path to go by while the selected one is in doubt. Of those that are no surer, one of the other kind: what took a direct path took others with it, and not the relay. */
function wayOut(selected: PathView, others: readonly PathView[], nowMs: number): PathView {
  const best = others[0]!;
  return isFresh(best, nowMs) ? best : (others.find(({ kind }) => kind !== selected.kind) ?? best);
}

function whileInDoubt(selected: PathView, best: PathView, nowMs: number): PathChoice {
  const trusted = nowMs < trustedUntilMs(selected);
  const silent = best.kind === 'relay' && selected.kind === 'direct' ? selected.unanswered > 0 && !trusted : selected.unanswered >= silentAfter;
  if (silent && isFresh(best, nowMs)) return { key: best.key, alsoTo: undefined, reason: 'silent' };
  return { key: selected.key, alsoTo: best.key, reason: selected.waiting || selected.unanswered > 0 ? 'in-doubt' : 'at-rest' };
}

function isInDoubt(path: PathView, nowMs: number): boolean {
  return path.unanswered > 0 || nowMs >= trustedUntilMs(path);
}

function isFresh(path: PathView, nowMs: number): boolean {
  return path.lastSeenMs !== undefined && !isInDoubt(path, nowMs);
}

/** Fresh before stale, direct before relay, then the faster. */
function rank(a: PathView, b: PathView, nowMs: number): number {
  const fresh = Number(isFresh(b, nowMs)) - Number(isFresh(a, nowMs));
  if (fresh !== 0) return fresh;
  if (a.kind !== b.kind) return a.kind === 'direct' ? -1 : 1;
  return (a.rttMs ?? Number.MAX_VALUE) - (b.rttMs ?? Number.MAX_VALUE);
}
