import type { HealthFacts } from '../../src/lib/observability/health-facts.js';

/** The facts of a node that is well. */
export const wellFacts: HealthFacts = {
  phase: 'started',
  failure: undefined,
  socketBound: true,
  storeOpen: true,
  storeFailure: undefined,
  storeSetAside: false,
  connectedPeers: 1,
  hasJoined: true,
  bootstrapNodes: 1,
  knownPeers: 3,
  uptimeMs: 3_600_000,
  certificateDaysLeft: 3650,
  refusedPeer: undefined,
  relaylessForMs: undefined,
  natBlocked: false,
  peerClocksAheadMs: [20, -300, 5],
  diskFreeBytes: 10 * 1024 ** 3,
  descriptors: { open: 40, limit: 1024 },
  receiveBuffer: { wantedBytes: 4_194_304, grantedBytes: 4_194_304 },
  lostPerSecond: 0,
  unwantedPerSecond: 1,
};
