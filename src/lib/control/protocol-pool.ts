import { z } from 'zod';
import { count, milliseconds, nodeId, path } from './protocol-fields.js';

/** Requests and responses of the control socket about the connection pool; the rules are those of protocol.ts. */

export const poolStatsRequest = z.object({
  connections: z.enum(['true', 'false']).default('false').describe('Whether to list every connection'),
});

const connectionHealth = z.object({
  status: z.enum(['good', 'suspect', 'failing', 'excluded']).describe('suspect: pinged before it is used again; failing: the last requests failed; excluded: left alone for a while'),
  consecutiveFailures: count,
  lastSuccessSecondsAgo: z.number().nonnegative().nullable(),
  rttMs: milliseconds.nullable(),
});

export const poolConnection = z.object({
  nodeId,
  state: z.enum(['dialling', 'checking', 'in-use', 'kept', 'idle']),
  path: path.nullable().describe('null while not connected'),
  idleSeconds: z.number().nonnegative(),
  inFlight: count.describe('Users of the connection at this moment'),
  health: connectionHealth,
});
export type PoolConnection = z.infer<typeof poolConnection>;

export const poolStatsResult = z.object({
  size: count.describe('Connections, those being dialled included'),
  max: count,
  hits: count.describe('Times a connection was asked for and none had to be dialled'),
  misses: count,
  hitRate: z.number().min(0).max(1),
  dials: count,
  evictions: z.object({ lru: count, idle: count, failed: count }),
  connections: z.array(poolConnection).optional(),
});
export type PoolStatsResult = z.infer<typeof poolStatsResult>;
