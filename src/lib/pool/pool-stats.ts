import type { NodeId } from '../identity/node-id.js';

/** Why the pool let go of a connection: room for another, not used, or found dead. */
export type EvictionReason = 'lru' | 'idle' | 'failed';

export interface ConnectionHealth {
  /** suspect: to be pinged before it is used again; failing: the last requests failed; excluded: left alone for a while. */
  readonly status: 'good' | 'suspect' | 'failing' | 'excluded';
  readonly consecutiveFailures: number;
  readonly lastSuccessSecondsAgo: number | undefined;
  readonly rttMs: number | undefined;
}

/** One connection as `pool stats --connections` shows it. */
export interface PooledConnection {
  readonly nodeId: NodeId;
  readonly state: 'dialling' | 'checking' | 'in-use' | 'kept' | 'idle';
  readonly path: 'direct' | 'relayed' | undefined;
  readonly idleSeconds: number;
  readonly inFlight: number;
  readonly health: ConnectionHealth;
}

/** The pool as `pool stats` shows it; counters since start. */
export interface PoolStats {
  /** Connections, those being dialled included. */
  readonly size: number;
  readonly max: number;
  /** Times a connection was asked for and none had to be dialled. */
  readonly hits: number;
  readonly misses: number;
  /** 0 to 1; 0 before anything was asked for. */
  readonly hitRate: number;
  readonly dials: number;
  readonly evictions: Readonly<Record<EvictionReason, number>>;
  readonly connections?: readonly PooledConnection[];
}
