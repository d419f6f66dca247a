import type { PoolConnection, PoolStatsResult } from '../lib/control/protocol-pool.js';
import { columns, facts, humanMs, humanSeconds } from './text.js';

function healthText({ status, consecutiveFailures, rttMs }: PoolConnection['health']): string {
  const failures = consecutiveFailures === 0 ? '' : `, ${consecutiveFailures} failures in a row`;
  return `${status}${failures}${rttMs === null ? '' : `, ${humanMs(rttMs)}`}`;
}

/** The pool as lines for people, with a table of its connections where they were asked for. */
export function poolText(stats: PoolStatsResult): string {
  const { size, max, hits, misses, hitRate, dials, evictions, connections } = stats;
  const summary = facts([
    ['connections', `${size} of at most ${max}`],
    ['hits', `${hits} of ${hits + misses} (${(hitRate * 100).toFixed(1)} %)`],
    ['dials', String(dials)],
    ['evicted', `${evictions.lru} least recently used, ${evictions.idle} idle, ${evictions.failed} failed`],
  ]);
  if (!connections || connections.length === 0) return summary;
  const rows = connections.map(({ nodeId, state, path, idleSeconds, inFlight, health }) => [
    nodeId.slice(0, 16), state, path ?? '-', humanSeconds(idleSeconds), String(inFlight), healthText(health),
  ]);
  return `${summary}\n\n${columns([['NODE', 'STATE', 'PATH', 'IDLE', 'IN FLIGHT', 'HEALTH'], ...rows])}`;
}
