import type { PoolConnection, PoolStatsResult } from '../control/protocol-pool.js';
import type { PooledConnection, PoolStats } from '../pool/pool-stats.js';

function connectionOf({ path, health, ...connection }: PooledConnection): PoolConnection {
  const { lastSuccessSecondsAgo, rttMs, ...rest } = health;
  return {
    ...connection,
    path: path === 'relayed' ? 'relay' : (path ?? null),
    health: { ...rest, lastSuccessSecondsAgo: lastSuccessSecondsAgo ?? null, rttMs: rttMs ?? null },
  };
}

/** The pool as the control socket shows it. */
export function poolStatsOf({ connections, ...stats }: PoolStats): PoolStatsResult {
  return connections ? { ...stats, connections: connections.map(connectionOf) } : stats;
}
