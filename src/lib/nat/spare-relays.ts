import type { PathStatus, RelayRoute } from '../transport/endpoint.js';

/** Both ends may have dialled, each by several relays at once: what comes of that has come by then. */
const settledMs = 5000;
/** Where the peer's packets came by another way so much later than by the one in use, it sends by that one: while in doubt it sends each by two, and they come closer together. */
const laterMs = 1000;

type Relayed = PathStatus & { readonly route: RelayRoute };

/**
 * The ways of a connection through relays that it can do without: none that packets take, in either direction, and not those kept in
 * reserve, which are of different relays where there are such, and the fastest. Each takes up a session of a relay and probes of both ends.
 * @param wanted ways to keep @param nowMs Clock.nowMs()
 */
export function superfluousRelays(paths: readonly PathStatus[], wanted: number, nowMs: number): RelayRoute[] {
  const selected = paths.find((path) => path.selected);
  // While the way in use is not known to work, any other may be needed.
  if (selected?.state !== 'usable') return [];
  const relayed = paths.filter((path): path is Relayed => path.route.kind === 'relay');
  // All at once, when nothing new has come for a while.
  if (!relayed.every((path) => isSettled(path, nowMs))) return [];
  const kept = new Set<PathStatus>(relayed.filter((path) => path === selected || path === wayOfPeer(paths, selected)));
  const usable = relayed.filter(({ state }) => state === 'usable').sort((a, b) => (a.rttMs ?? Infinity) - (b.rttMs ?? Infinity));
  while (kept.size < wanted) {
    const relays = new Set([...kept].map(({ route }) => (route as RelayRoute).relay));
    const rest = usable.filter((path) => !kept.has(path));
    const next = rest.find(({ route }) => !relays.has(route.relay)) ?? rest[0];
    if (!next) return [];
    kept.add(next);
  }
  return relayed.filter((path) => !kept.has(path) && path.state !== 'candidate').map(({ route }) => route);
}

function isSettled({ state, usableSinceMs }: PathStatus, nowMs: number): boolean {
  return state !== 'usable' || (usableSinceMs !== undefined && nowMs - usableSinceMs >= settledMs);
}

/** The way that the peer sends by, where it is another one than `selected`. */
function wayOfPeer(paths: readonly PathStatus[], selected: PathStatus): PathStatus | undefined {
  const last = ({ lastPacketMs = -Infinity }: PathStatus): number => lastPacketMs;
  const latest = paths.reduce((a, b) => (last(b) > last(a) ? b : a));
  return last(latest) > last(selected) + laterMs ? latest : undefined;
}
