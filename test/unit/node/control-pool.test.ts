import { expect } from 'chai';
import { poolStatsResult } from '../../../src/lib/control/protocol-pool.js';
import { poolStatsOf } from '../../../src/lib/node/control-pool.js';
import type { PoolStats } from '../../../src/lib/pool/pool-stats.js';

const stats: PoolStats = { size: 2, max: 1000, hits: 1, misses: 1, hitRate: 0.5, dials: 1, evictions: { lru: 0, idle: 0, failed: 0 } };
const nodeId = 'ab'.repeat(32);

describe('the pool on the control socket', () => {
  it('has no connections unless they were asked for', () => {
    expect(poolStatsOf(stats)).to.deep.equal(stats);
  });

  it('names paths as everything else does, and writes null for what is not known', () => {
    const health = { status: 'good' as const, consecutiveFailures: 0, lastSuccessSecondsAgo: undefined, rttMs: undefined };
    const connection = { nodeId, state: 'idle' as const, idleSeconds: 1, inFlight: 0, health };
    const shown = poolStatsOf({ ...stats, connections: [{ ...connection, path: 'relayed' }, { ...connection, path: undefined, state: 'dialling' }] });
    expect(shown.connections?.map(({ path }) => path)).to.deep.equal(['relay', null]);
    expect(shown.connections?.[0]?.health).to.deep.equal({ status: 'good', consecutiveFailures: 0, lastSuccessSecondsAgo: null, rttMs: null });
    expect(poolStatsResult.parse(shown)).to.deep.equal(shown);
  });
});
